"""Results: a table to read and a JSON file to compare, in one stable form."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

import numpy as np
from rich.console import Console
from rich.table import Table

OUT = Path("bench/out")


class Metric(TypedDict, total=False):
    """One figure: percentiles of n samples, or a value of n samples."""

    p50: float
    p95: float
    p99: float
    value: float
    n: int
    unit: str


def percentiles(values: Sequence[float], unit: str) -> Metric:
    """P50 and P95 of samples."""
    p50, p95 = np.percentile(values, [50, 95])
    return {
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
        "n": len(values),
        "unit": unit,
    }


def total(values: Sequence[int], unit: str) -> Metric:
    """A count over all samples."""
    return {"value": sum(values), "n": len(values), "unit": unit}


def write(name: str, metrics: dict[str, Metric], *, profile: str) -> Path:
    """Print a table and write ``bench/out/NAME.json``.

    Args:
        name: Name of the benchmark.
        metrics: The figures by stable, dotted, lower-case key.
        profile: What was measured: the agent's profile, or an address.
    """
    table = Table(title=name)
    for column in ("figure", "P50", "P95", "P99", "value", "n", "unit"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for key, metric in metrics.items():
        cells = [metric.get(k, "") for k in ("p50", "p95", "p99", "value", "n", "unit")]
        table.add_row(key, *(f"{c:g}" if isinstance(c, float) else str(c) for c in cells))
    Console().print(table)
    return save(name, metrics, profile=profile)


def save(name: str, metrics: dict[str, Metric], *, profile: str) -> Path:
    """Write ``bench/out/NAME.json``; arguments as in :func:`write`."""
    path = OUT / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            **_gpu(),
        },
        "versions": {p: version(p) for p in ("livekit", "livekit-agents", "numpy")},
        "profile": profile,
        "metrics": metrics,
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


def _commit() -> str:
    result = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _gpu() -> dict[str, str]:
    """The first GPU of this machine and its driver, if there is one."""
    try:
        result = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return {}
    name, _, driver = result.stdout.splitlines()[0].partition(", ")
    return {"gpu": name, "driver": driver}
