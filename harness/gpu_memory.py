"""The memory of a GPU, process by process."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .report import Metric


def memory() -> dict[str, Metric]:
    """The GPU memory of each process that has any, by its name and number; none without a GPU."""
    try:
        listed = subprocess.run(
            [
                "nvidia-smi",
                "--query-compute-apps=pid,process_name,used_memory",
                "--format=csv,noheader,nounits",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return {}
    found: dict[str, Metric] = {}
    for line in listed.splitlines():
        pid, name, used = (part.strip() for part in line.split(","))
        if used.isdecimal():
            key = f"memory.{Path(name).name.lower().replace(':', '_')}.{pid}"
            found[key] = {"value": int(used), "n": 1, "unit": "MiB"}
    return found
