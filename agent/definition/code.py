"""The Python that an agent brings, imported from wherever its folder is."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from livekit.agents import Agent, AgentTask

from agent.wrong import SettingsError

if TYPE_CHECKING:
    from agent.assistant import Assistant

AGENT = "AGENT"
"""The dictionary by which a Python file says what ``agent.yaml`` would."""


def imported(folder: Path, file: str) -> ModuleType:
    """A module of an agent's folder.

    Raises:
        SettingsError: It cannot be imported; the text says at which line.
    """
    package = _name(folder)
    if package not in sys.modules:
        # A package, so that the modules of a folder import each other by `from . import`.
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [str(folder)]
    with _as_sentence(folder / file):
        return importlib.import_module(f"{package}.{file.removesuffix('.py')}")


def imported_file(path: Path) -> ModuleType:
    """An agent that is one Python file.

    Raises:
        SettingsError: It cannot be imported; the text says at which line.
    """
    name = _name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # its name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _as_sentence(path):
        spec.loader.exec_module(module)
    return module


def _name(source: Path) -> str:
    """A name among modules that no other folder has, of that name or not."""
    digest = hashlib.sha256(str(source).encode()).hexdigest()[:8]
    return f"parley_agent_{source.stem.replace('-', '_')}_{digest}"


@contextmanager
def _as_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as e:  # that of a script without its guard
        lines = [f.lineno for f in traceback.extract_tb(e.__traceback__) if f.filename == str(path)]
        line = e.lineno if isinstance(e, SyntaxError) else lines[-1] if lines else None
        at = f", line {line}" if line else ""
        reason = e.msg if isinstance(e, SyntaxError) else str(e)
        raise SettingsError(
            f"{path}{at} cannot be imported: {type(e).__name__}: {reason.rstrip('.')}."
        ) from e


def class_of(source: Path, modules: list[ModuleType]) -> type[Assistant] | None:
    """The class by which an agent begins, or None if it brings none.

    Raises:
        SettingsError: There are several, or one that does not take turns.
    """
    from agent.assistant import Assistant  # which imports what is defined here
    from agent.voice_agent import VoiceAgent

    own = [
        each
        for module in modules
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Agent) and each.__module__ == module.__name__
    ]
    for each in own:
        if not issubclass(each, VoiceAgent | AgentTask):
            raise SettingsError(
                f"{each.__name__} in {source} does not take turns: derive the class by which a "
                "call begins from agent.authoring.Assistant, and those that it hands over to from "
                "agent.authoring.VoiceAgent, in place of LiveKit's Agent."
            )
    first = [each for each in own if issubclass(each, Assistant)]
    if len(first) > 1:
        names = " and ".join(each.__name__ for each in first)
        raise SettingsError(
            f"{source} has {names}, and a call begins with one: derive the others from "
            "agent.authoring.VoiceAgent."
        )
    return first[0] if first else None
