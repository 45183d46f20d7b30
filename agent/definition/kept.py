"""Agents as they were when they were last right: a call outlives a mistake in a folder.

Each call is a process of its own that reads its agent anew. So what is kept is on disk, where the
next process finds it, and with it what has been told of a mistake, so that it is told once. Only
the last version of each is kept, and those before it that a process still has.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from agent.settings import Settings
from agent.wrong import SettingsError

from .definition import AgentDefinition
from .loading import find, load_agent
from .parts import copy, link, state

logger = logging.getLogger("parley")

VARIABLE = "PARLEY_KEPT"
"""The folder in which an agent server and its calls keep them."""

_TOLD = "told-"
_CURRENT = "current"
_held: dict[Path, int] = {}
"""Versions that this process has until it ends: it may import more of one at any time."""


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
            before = state(find(name))
            definition = load_agent(name, profile)
        except SettingsError as e:
            if (last := self._last(name)) is None:
                raise
            at, source = last
            link(source, at)
            try:
                definition = load_agent(str(at), profile, source=source)
            except SettingsError:  # it needs what is not beside it any more
                raise e from None
            self._tell(f"{e} Calls go on with {source.name} as it was before.", source)
        else:
            # Not if it was changed while it was read: nobody knows whether that is right.
            if keep and self._folder and state(definition.source) == before:
                for key in {name, str(definition.source)}:
                    self._keep(self._of(key), before, definition.source)
        return definition

    def _keep(self, of_it: Path, now: str, source: Path) -> None:
        """Keep an agent that is right, unless that was done since it was changed."""
        version = of_it / now
        try:
            if version.exists() and _read(of_it / _CURRENT) == [now, str(source)]:
                return
            of_it.mkdir(parents=True, exist_ok=True)
            with _locked(of_it) as free:
                if not free:  # another call is at it, and the next one looks again
                    return
                if not version.exists():
                    begun = Path(tempfile.mkdtemp(dir=of_it))
                    copy(source, begun / source.name)
                    if state(source) != now:  # it was changed meanwhile: the next call has it
                        shutil.rmtree(begun)
                        return
                    begun.rename(version)
                with tempfile.NamedTemporaryFile("w", dir=of_it, delete=False) as text:
                    text.write(f"{now}\n{source}")
                os.replace(text.name, of_it / _CURRENT)
                _sweep(of_it, version)
        except OSError as e:  # a full disk, or a folder that is being changed: the call is right
            logger.warning(f"{source} is not kept for when it is wrong: {e}")

    def _last(self, name: str) -> tuple[Path, Path] | None:
        """Where an agent is kept, and where it was; None if it is not."""
        if self._folder is None:
            return None
        of_it, before = self._of(name), list[str]()
        # A version may be removed for a newer one before it is held.
        while (said := _read(of_it / _CURRENT)) and said != before:
            version, source, before = of_it / said[0], Path(said[1]), said
            if _hold(version):
                return version / source.name, source
        return None

    def _of(self, name: str) -> Path:
        assert self._folder
        return self._folder / hashlib.sha256(name.encode()).hexdigest()[:16]

    def _tell(self, sentence: str, source: Path) -> None:
        assert self._folder
        digest = hashlib.sha256(f"{sentence}\n{state(source)}".encode()).hexdigest()[:16]
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


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Have a folder for oneself if nobody has it, and say whether that is so."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _hold(version: Path) -> bool:
    """See that a version stays until this process ends; False if it is gone."""
    if version in _held and version.exists():
        return True
    try:
        descriptor = os.open(version, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        gone = not version.exists()
    except BlockingIOError:  # it is being removed
        gone = True
    if gone:
        os.close(descriptor)
    else:
        _held[version] = descriptor
    return not gone


def _sweep(of_it: Path, version: Path) -> None:
    """Remove what is there besides a version, but for versions that a process has."""
    for path in of_it.iterdir():
        if path == version or path.name == _CURRENT:
            continue
        if not path.is_dir():
            path.unlink()
            continue
        with _locked(path) as free:
            if free:
                shutil.rmtree(path, ignore_errors=True)
