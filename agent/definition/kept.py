"""Agents as they were when they were last right: a call outlives a mistake in a folder.

Each call is a process of its own that reads its agent anew. So what is kept is on disk, where the
next process finds it, and with it what has been told of a mistake, so that it is told once.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from agent.settings import Settings
from agent.wrong import SettingsError

from .definition import AgentDefinition
from .loading import YAML, find, load_agent

logger = logging.getLogger("parley")

VARIABLE = "PARLEY_KEPT"
"""The folder in which an agent server and its calls keep them."""

_TOLD = "told-"
_COMPILED = "__pycache__"


class KeptAgents:
    """The agents of a server, each as it was when it was last right.

    Args:
        folder: Where they are kept; it is made. None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def of_environment(cls) -> Self:
        """Those of the server that this process belongs to."""
        return cls(Path(own) if (own := os.environ.get(VARIABLE)) else None)

    def load(self, name: str, profile: Settings, *, keep: bool = True) -> AgentDefinition:
        """Read an agent; if it is wrong, as it was when it was right, which is logged once.

        Args:
            name: As for :func:`agent.definition.loading.find`.
            profile: What it is to run with.
            keep: Whether it is kept if it is right: not by a process that lives on, which does not
                import again what Python has changed.

        Raises:
            SettingsError: It is wrong, and none is kept.
        """
        try:
            before = _state(find(name))
            definition = load_agent(name, profile)
        except SettingsError as e:
            if (last := self._last(name)) is None:
                raise
            at, source = last
            definition = load_agent(str(at), profile, source=source)
            self._tell(f"{e} Calls go on with {source.name} as it was before.", source)
        else:
            # Not if it was changed while it was read: nobody knows whether that is right.
            if keep and self._folder and _state(definition.source) == before:
                for key in {name, str(definition.source)}:
                    self._keep(self._of(key), before, definition.source)
        return definition

    def _keep(self, of_it: Path, state: str, source: Path) -> None:
        """Keep an agent that is right, unless that was done since it was changed."""
        try:
            of_it.mkdir(parents=True, exist_ok=True)
            version = of_it / state
            if not version.exists():
                # Another call may be at it: what is begun is no version yet.
                begun = Path(tempfile.mkdtemp(dir=of_it))
                _copy(source, begun / source.name)
                try:
                    begun.rename(version)
                except OSError:  # the other one was sooner
                    shutil.rmtree(begun, ignore_errors=True)
            current = of_it / "current"
            if _read(current) != [version.name, str(source)]:
                with tempfile.NamedTemporaryFile("w", dir=of_it, delete=False) as text:
                    text.write(f"{version.name}\n{source}")
                os.replace(text.name, current)
        except OSError as e:  # a full disk, or a folder that is being changed: the call is right
            logger.warning(f"{source} is not kept for when it is wrong: {e}")

    def _last(self, name: str) -> tuple[Path, Path] | None:
        """Where an agent is kept, and where it was; None if it is not."""
        if self._folder is None:
            return None
        of_it = self._of(name)
        if not (said := _read(of_it / "current")):
            return None
        version, source = said[0], Path(said[1])
        return of_it / version / source.name, source

    def _of(self, name: str) -> Path:
        assert self._folder
        return self._folder / hashlib.sha256(name.encode()).hexdigest()[:16]

    def _tell(self, sentence: str, source: Path) -> None:
        assert self._folder
        digest = hashlib.sha256(f"{sentence}\n{_state(source)}".encode()).hexdigest()[:16]
        try:
            with tempfile.NamedTemporaryFile("w", dir=self._folder) as text:
                text.write(sentence)
                text.flush()
                # At once with all that is in it: somebody looks for it.
                os.link(text.name, self._folder / f"{_TOLD}{digest}")
        except FileExistsError:
            logger.debug(sentence)
            return
        except OSError as e:  # a full disk: rather told twice than not at all
            logger.warning(f"It is not noted that this was told: {e}")
        logger.error(sentence)

    def told(self) -> dict[str, str]:
        """What was told of mistakes, by names that differ from one change to the next."""
        if self._folder is None:
            return {}
        found = sorted(self._folder.glob(f"{_TOLD}*"), key=lambda path: path.stat().st_mtime)
        return {path.name: path.read_text() for path in found}


def _read(path: Path) -> list[str]:
    try:
        return path.read_text().split("\n", 1)
    except FileNotFoundError:
        return []


def _is_own(path: Path) -> bool:
    """Whether an agent says it by itself: its settings, its Python, a package with all in it."""
    if path.is_dir():
        return (path / "__init__.py").is_file()
    return path.is_file() and (path.suffix == ".py" or path.name == YAML)


def _files(path: Path) -> Iterator[Path]:
    """The files of an agent, or of a package in it, but what Python compiled."""
    if path.is_file():
        yield path
    elif path.is_dir() and path.name != _COMPILED:
        for part in sorted(path.iterdir()):
            yield from _files(part)


def _state(source: Path) -> str:
    """A name that changes with what an agent says by itself."""
    own = sorted(filter(_is_own, source.iterdir())) if source.is_dir() else [source]
    parts = []
    for path in itertools.chain.from_iterable(map(_files, own)):
        known = path.stat()
        parts.append(f"{path.relative_to(source.parent)} {known.st_mtime_ns} {known.st_size}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _copy(source: Path, target: Path) -> None:
    """Copy what an agent says by itself; what is beside it is found where it is."""
    if source.is_file():
        shutil.copy2(source, target)
        return
    target.mkdir()
    for path in source.iterdir():
        if not _is_own(path):
            if path.name != _COMPILED:
                (target / path.name).symlink_to(path)
        elif path.is_dir():
            shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns(_COMPILED))
        else:
            shutil.copy2(path, target / path.name)
