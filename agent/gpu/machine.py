"""What this machine has, and one sentence for what it lacks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Refusal(Exception):
    """A service cannot run here; the text says why and what to do."""


@dataclass(frozen=True)
class Gpu:
    """A GPU, with its memory in MiB."""

    name: str
    total: int
    free: int


def gpu() -> Gpu:
    """The GPU that the services use: the first that is visible.

    Raises:
        Refusal: There is none.
    """
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or "0"
    try:
        line = subprocess.run(
            [
                "nvidia-smi",
                f"--id={first}",
                "--query-gpu=name,memory.total,memory.free",
                "--format=csv,noheader,nounits",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[0]
        name, total, free = line.rsplit(", ", 2)
        return Gpu(name, int(total), int(free))
    except (FileNotFoundError, subprocess.CalledProcessError, IndexError, ValueError) as e:
        raise Refusal(
            f"nvidia-smi shows no GPU {first}: the GPU services need one with its driver; "
            "`make demo` runs on a machine without one."
        ) from e


def check_memory(found: Gpu, needed: int, what: str, remedy: str) -> None:
    """Make sure that a service fits.

    Args:
        found: The GPU.
        needed: The memory that the service takes, in MiB.
        what: The service, as the beginning of a sentence.
        remedy: What to do if it does not fit.

    Raises:
        Refusal: It does not fit.
    """
    if found.free < needed:
        raise Refusal(
            f"{what} takes {needed:,} MiB, and {found.free:,} of the {found.total:,} MiB of the "
            f"{found.name} are free: {remedy}."
        )


def check_port(host: str, port: int, variable: str) -> None:
    """Make sure that a port can be listened on.

    Raises:
        Refusal: It cannot be listened on.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            reason = (e.strerror or str(e)).lower()
            raise Refusal(
                f"Port {port} cannot be used ({reason}): stop the program that has it, or set "
                f"{variable} to another port."
            ) from e


def check_quantization(model: str, wanted: str, variable: str) -> None:
    """Make sure that a checkpoint on this machine is quantised the way the server is told.

    vLLM ends with a traceback if it is not. Of one that has yet to be downloaded nothing is known.

    Raises:
        Refusal: It is quantised in another way, or not at all.
    """
    config = checkpoint_config(model)
    if config is None:
        return
    found = (config.get("quantization_config") or {}).get("quant_method", "")
    if found != wanted:
        has = f"is quantised with {found}" if found else "is not quantised"
        raise Refusal(f"{model} {has}, not with {wanted or 'nothing'}: set {variable}={found}.")


def check_weights(model: str, found: Gpu, share: float, variable: str) -> None:
    """Make sure that the weights of a checkpoint on this machine fit into a share of the GPU.

    vLLM would load them for minutes before it ends with a traceback. Of one that has yet to be
    downloaded nothing is known.

    Args:
        model: The hub id or folder.
        found: The GPU.
        share: The share of its memory that the server may take.
        variable: The variable that has the share.

    Raises:
        Refusal: They do not fit.
    """
    every = list(_folder(model).glob("*.safetensors"))
    # Mistral's have all of them twice, and vLLM loads one of the two.
    files = [file for file in every if not file.name.startswith("consolidated")] or every
    weights = sum(file.stat().st_size for file in files) // 2**20
    room = round(share * found.total)
    if weights >= room:
        raise Refusal(
            f"{model} has {weights:,} MiB of weights, and {share:g} of the {found.name} are "
            f"{room:,} MiB: raise {variable}, or take a smaller model."
        )


def checkpoint_config(model: str) -> dict[str, Any] | None:
    """The ``config.json`` of a folder, or of a hub id that was downloaded; None if it has none."""
    try:
        loaded = json.loads((_folder(model) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) else None


def _folder(model: str) -> Path:
    """Where a checkpoint is, or would be."""
    folder = Path(model)
    if folder.is_dir():
        return folder
    cache = Path(os.environ.get("HF_HOME", Path.home() / ".cache/huggingface")) / "hub"
    snapshots = cache / f"models--{model.replace('/', '--')}" / "snapshots"
    return next(iter(sorted(snapshots.glob("*"))), folder)
