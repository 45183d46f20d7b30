"""What it takes of a machine: ``python -m agent.stack.footprint``.

Disk of all that ``make setup`` installed; and of a stack that runs, its memory. What several
processes share counts once (PSS).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from agent.models import manifest, store
from agent.models.manifest import Folder

from .stack import ROOT
from .terminal import say

STARTERS = ("agent.stack.demo", "agent.stack.phone", "agent.stack.gpu")
"""Modules of which one is the parent of all that runs."""


def disk(path: Path) -> int:
    """Bytes that a file, or all of a folder, takes on the disk."""
    found = [path, *path.rglob("*")] if path.is_dir() else [path]
    stats = (each.lstat() for each in found if each.is_symlink() or each.exists())
    # A file that several names have, as those of uv's cache, takes its place once.
    return sum({stat.st_ino: stat.st_blocks * 512 for stat in stats}.values())


def installed() -> dict[str, int]:
    """Bytes on the disk by what they are."""
    cache = store.cache()
    listed = manifest.load().roles
    models = (
        cache / name if isinstance(role, Folder) else store.folder(name, role)
        for name, role in listed.items()
    )
    return {
        "packages (.venv)": disk(ROOT / ".venv"),
        "models": sum(map(disk, models)),
        "livekit-server": disk(cache / "bin"),
    }


def stacks() -> Iterator[psutil.Process]:
    """The processes that have started a stack on this machine."""
    for process in psutil.process_iter(["cmdline"]):
        if any(word in STARTERS for word in process.info["cmdline"] or ()):
            yield process


def memory(processes: Iterable[psutil.Process]) -> dict[str, int]:
    """Bytes of memory of processes and all their descendants, by what each of them is."""
    found: dict[str, int] = {}
    for process in processes:
        for each in (process, *process.children(recursive=True)):
            try:
                pss, words = each.memory_full_info().pss, each.cmdline()
                parent = each.parent()
                if "-c" in words and parent:  # one of multiprocessing's, of the program above
                    words = parent.cmdline()
            except psutil.Error:
                continue  # gone in the meantime, or somebody else's
            name = _name(words)
            found[name] = found.get(name, 0) + pss
    return found


def _name(words: list[str]) -> str:
    """What a process is: the module or the script that it runs, or else its program."""
    for before, word in zip(words, words[1:], strict=False):
        if before == "-m":
            rest = words[words.index(word) + 1 :]
            return f"{word} {rest[0]}" if word == "agent.local" and rest else word
        if word.endswith(".py"):
            return os.path.basename(word)
    return os.path.basename(words[0]) if words else "a process that ends"


def _tell(title: str, parts: dict[str, int]) -> None:
    say(f"{title}: {sum(parts.values()) / 1e9:.1f} GB")
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        say(f"  {size / 1e6:6,.0f} MB  {name}")


def main() -> None:
    """Tell both."""
    _tell("Disk", installed())
    if parts := memory(stacks()):
        _tell("Memory", parts)
    else:
        say("Memory: nothing runs; `make demo` in another terminal, then again.")


if __name__ == "__main__":
    main()
