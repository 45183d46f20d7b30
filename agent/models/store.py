"""The cache: where the files of a role are, and whether they are what the manifest says.

Hashing every file takes 2 to 4 seconds on a small machine, too long for each start of three
engines. So a file is hashed once, when it arrives, and its size and modification time are noted
beside it; as long as both stay the same, the note is believed. ``verify`` hashes regardless.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from platformdirs import user_cache_path

from . import manifest
from .manifest import Folder, Hub, ModelError, Pinned, Published

AGAIN = "run `make setup` to fetch it again"


class _Note(TypedDict):
    size: int
    mtime_ns: int
    sha256: str


def cache() -> Path:
    """The root of the cache: ``PARLEY_CACHE``, or ``parley`` in the user's cache folder."""
    own = os.environ.get("PARLEY_CACHE")
    return Path(own).absolute() if own else user_cache_path("parley")


def folder(name: str, role: Pinned | Published | Hub) -> Path:
    """Where the files of a role are: those of a hub repository apart from the pinned ones."""
    if isinstance(role, Hub):
        return cache() / "hub" / role.hub / role.revision
    if isinstance(role, Published):
        return cache() / (role.kept or f"{name}/published")
    return cache() / (role.kept or name)


def in_use(name: str, role: Pinned | Hub) -> Pinned | Published | Hub:
    """Which files of a role are taken: those that are published, once all of them are here."""
    published = role.published if isinstance(role, Pinned) else None
    if published and published.files.keys() <= _notes(folder(name, published)).keys():
        return published
    return role


def locate(name: str) -> Path:
    """Give the folder of a role's files.

    Args:
        name: ``llm``, ``stt``, ``kokoro``, ``turn``, ``web`` or ``speech``.

    Raises:
        ModelError: A file is missing or damaged; the text says which and how to fetch it again.
    """
    role = manifest.load().role(name)
    if isinstance(role, Folder):
        if not role.folder.is_dir():
            raise ModelError(f"The folder {role.folder}, named for {name}, does not exist.")
        return role.folder
    for problem in problems(name, role):
        raise ModelError(problem)
    return folder(name, in_use(name, role))


def called(name: str) -> str:
    """What the model of a role is called: by its makers, its repository, or its folder.

    Args:
        name: The role's name.

    Raises:
        ModelError: There is no such role; the text lists those that exist.
    """
    role = manifest.load().role(name)
    if isinstance(role, Folder):
        return role.folder.name
    if isinstance(role, Hub):
        return role.hub.rpartition("/")[2]
    taken = in_use(name, role)
    better = taken.what if isinstance(taken, Published) else None
    return (better or role.what).lower().replace(" ", "-")


def problems(name: str, role: Pinned | Hub, *, thorough: bool = False) -> Iterator[str]:
    """Give one sentence for each missing or damaged file of a role.

    Args:
        name: The role's name.
        role: The role's entry in the manifest.
        thorough: Hash every file, even those whose size and time are as they were noted.
    """
    taken = in_use(name, role)
    for file in taken.files:
        if problem := _problem(name, taken, file, thorough):
            yield problem


def intact(name: str, role: Pinned | Published | Hub, file: str) -> bool:
    """Whether a file is there and is what the manifest says."""
    return _problem(name, role, file, thorough=False) is None


def note(where: Path, file: str, sha256: str) -> None:
    """Write down that a file was hashed, with the size and time it had."""
    stat = (where / file).stat()
    notes = _notes(where)
    notes[file] = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256}
    _write(where, notes)


def sha256_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _problem(name: str, role: Pinned | Published | Hub, file: str, thorough: bool) -> str | None:
    where = folder(name, role)
    path = where / file
    noted = _notes(where).get(file)
    try:
        stat = path.stat()
    except OSError:
        return f"{path} is missing: {AGAIN}."
    pinned = None if isinstance(role, Hub) else role.files[file]
    if pinned and stat.st_size != pinned.size:
        return f"{path} has {stat.st_size} bytes instead of {pinned.size}: {AGAIN}."
    # A hub's file is compared with what it was when it arrived.
    expected = pinned.sha256 if pinned else noted["sha256"] if noted else None
    if expected is None:
        return f"{path} was never verified: {AGAIN}."
    if not thorough and noted == {
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "sha256": expected,
    }:
        return None
    actual = sha256_of(path)
    if actual != expected:
        if notes := _notes(where):  # so that the next fetch does not believe it
            notes.pop(file, None)
            _write(where, notes)
        return f"{path} is damaged (SHA-256 {actual[:8]}…, not {expected[:8]}…): {AGAIN}."
    note(where, file, actual)
    return None


def _notes(where: Path) -> dict[str, _Note]:
    try:
        notes: dict[str, _Note] = json.loads((where / ".verified.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return notes


def _write(where: Path, notes: dict[str, _Note]) -> None:
    # Engines that start together may write at once: each its own file, then an atomic rename.
    draft = where / f".verified.{os.getpid()}"
    draft.write_text(json.dumps(notes, indent=1), encoding="utf-8")
    draft.replace(where / ".verified.json")
