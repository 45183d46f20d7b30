"""What an agent says by itself, which can be copied, and what is beside it, which cannot.

By itself it says its settings and its Python, that of packages in its folder too. Everything else
is found where it is, in a package as beside one: nobody can tell a menu that came with a package
from the orders that the package writes down, and orders must not be written into a copy.

Of what is gone, or may not be read, there is nothing: an editor writes and removes as it likes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from .loading import YAML

_COMPILED = "__pycache__"


def state(source: Path) -> str:
    """A name that changes with what an agent says by itself."""
    lines = []
    for path in _parts(source)[0]:
        with suppress(OSError):
            known = path.stat()
            at = path.relative_to(source.parent)
            lines.append(f"{at} {known.st_mtime_ns} {known.st_size}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def copy(source: Path, target: Path) -> None:
    """Copy what an agent says by itself, and link what is beside it.

    Raises:
        OSError: There is no room, or what is copied may not be read.
    """
    for path in _parts(source)[0]:
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copy2(path, to)
    link(source, target)


def link(source: Path, target: Path) -> None:
    """Link from a copy what came to be beside an agent."""
    for path in _parts(source)[1]:
        # It is linked already; or it is in a package that was not there yet; or there is no room.
        with suppress(OSError):
            (target / path.relative_to(source)).symlink_to(path)


def _parts(source: Path, *, top: bool = True) -> tuple[list[Path], list[Path]]:
    """What is copied, and what is linked: a folder that has no Python as a whole."""
    if not os.path.isdir(source):
        return [source], []
    own, beside = list[Path](), list[Path]()
    try:
        entries = sorted(source.iterdir())
    except OSError:
        return own, beside
    for path in entries:
        if path.name == _COMPILED:
            continue
        if os.path.isdir(path):
            # One that is no package may be anything, an environment with all that is installed.
            # One that is linked from within a package may lead back to where it is.
            package = os.path.isfile(path / "__init__.py") if top else not path.is_symlink()
            inner = _parts(path, top=False) if package else ([], [])
            if inner[0]:
                own += inner[0]
                beside += inner[1]
                continue
        elif path.suffix == ".py" or (top and path.name == YAML):
            own.append(path)
            continue
        beside.append(path)
    return own, beside
