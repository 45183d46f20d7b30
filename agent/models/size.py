"""Which models this machine carries: the large ones from six cores and 8 GB of memory on.

The same machine always has the same answer, in whatever process it is asked: what `make setup`
fetched is what the engines look for. So it goes by the memory that there is, not by what is free.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import psutil

VARIABLE = "PARLEY_MODELS"
"""``small`` or ``large``, whatever the machine; or a file, whose roles replace those shipped."""

Size = Literal["small", "large"]

_WISHES: Mapping[str, Size] = {"small": "small", "large": "large"}

CORES = 6
"""The model, the recogniser and the voice with two threads each. On two cores 1.5B parameters take
three times as long to read a prompt and to write as 0.5B."""

MEMORY = 7 * 2**30
"""Bytes: of 8 GB that a machine is sold with, what its system leaves. All of it takes 4 GB."""

_CONTAINER = Path("/sys/fs/cgroup")
"""Where a container's limits are, if this is one."""


def chosen() -> Size:
    """The size in use: that of ``PARLEY_MODELS``, or else what the machine carries."""
    if wish := _WISHES.get(os.environ.get(VARIABLE, "")):
        return wish
    return "large" if cores() >= CORES and memory() >= MEMORY else "small"


def own_list() -> Path | None:
    """The file that ``PARLEY_MODELS`` names; None if it names none."""
    wish = os.environ.get(VARIABLE)
    return Path(wish) if wish and wish not in _WISHES else None


def reason() -> str:
    """Why the size is what it is, and what would change it."""
    if os.environ.get(VARIABLE) == chosen():
        return f"{VARIABLE} asks for them"
    other = "small" if chosen() == "large" else "large"
    return (
        f"this machine has {cores()} cores and {memory() / 2**30:.0f} GB of memory "
        f"(`make setup` and `make demo` with {VARIABLE}={other} take the {other} ones)"
    )


def threads() -> int:
    """CPU threads of one engine: two, and a third of the cores where there are more."""
    return max(2, cores() // 3)


def ear_threads() -> int:
    """CPU threads of the recogniser: one, where the voice and the model want all cores, too.

    The threads of a decode wait for each other some hundred times, each time until the other has
    its turn again on a core that it shares. A second of sound takes one thread 0.07 s, and two are
    no quicker even on an idle machine; they are with 8 s, by 0.2 to 0.5 s.
    """
    return max(1, cores() // 3)


def cores() -> int:
    """Those that this process may use, of a container too."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = (_CONTAINER / "cpu.max").read_text().split()
        return max(1, min(found or 1, int(quota) // int(period)))
    except (OSError, ValueError):  # no container, or no limit: "max 100000"
        return found or 1


def memory() -> int:
    """Bytes that there are, of a container those that it may use."""
    total = int(psutil.virtual_memory().total)
    try:
        return min(total, int((_CONTAINER / "memory.max").read_text()))
    except (OSError, ValueError):
        return total
