"""Finding an agent and reading it: a folder, one Python file, or one that comes with Parley."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from agent.settings import Settings
from agent.wrong import SettingsError, in_file, places, read_yaml, sentences

from .code import AGENT, class_of, imported, imported_file
from .definition import AgentDefinition
from .functions import functions_of
from .settings import AgentSettings

PACKAGED = Path(__file__).resolve().parent.parent / "agents"
"""Those that come with Parley."""
YAML = "agent.yaml"
_CODE = ("tools.py", "agent.py")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def find(name: str) -> Path:
    """Where an agent is.

    Args:
        name: A folder with an ``agent.yaml``, a Python file, or the name of a folder in ``agents/``
            of the folder that the program runs in, or of one that comes with Parley.

    Raises:
        SettingsError: There is none; the text lists those that there are by name.
    """
    near = Path("agents")
    for path in (Path(name).expanduser(), near / name, PACKAGED / name):
        if (path / YAML).is_file() or (path.suffix == ".py" and path.is_file()):
            found = path.resolve()
            if not _KEY.fullmatch(_key(found)):
                raise SettingsError(
                    f"{found} cannot be an agent: its name may have letters, digits, - and _, "
                    "40 at most."
                )
            return found
    _refuse_near(Path(name).expanduser())
    known = sorted({path.parent.name for at in (near, PACKAGED) for path in at.glob(f"*/{YAML}")})
    raise SettingsError(
        f"There is no agent {name!r}: name a folder with an {YAML}, a Python file, or one of "
        f"{', '.join(known)}."
    )


def _refuse_near(path: Path) -> None:
    """Say of something that is there why it is no agent."""
    with suppress(OSError):  # of a folder that may not be looked into, or of too long a name
        if path.name == YAML and path.is_file():
            raise SettingsError(f"{path} is the file of an agent: name its folder, {path.parent}.")
        if (path / YAML).exists():
            raise SettingsError(f"{path / YAML} is not a file: write the agent there.")
        for other in ("agent.yml", "Agent.yaml"):
            if (path / other).is_file():
                raise SettingsError(f"{path / other} is to be called {YAML}: rename it.")
        if path.is_file():
            raise SettingsError(f"{path} is neither a folder nor a Python file (.py).")
        if path.is_dir():
            raise SettingsError(f"{path} has no {YAML}: write it, or name another folder.")


def load_agent(
    name: str, profile: Settings | None = None, *, source: Path | None = None
) -> AgentDefinition:
    """Read an agent.

    Args:
        name: As for :func:`find`.
        profile: What it is to run with; if given, what it asks of that is checked.
        source: Whose copy this is: what is beside an agent is looked for there.

    Raises:
        SettingsError: There is none, or it is wrong; the text says what and where.
    """
    at = find(name)
    read = _read_folder if at.is_dir() else _read_file
    definition = read(at, source or at)
    if profile:
        definition.over(profile)
    return definition


def _read_folder(folder: Path, source: Path) -> AgentDefinition:
    where = folder / YAML
    settings = _checked(read_yaml(where, "an agent"), where)
    code = [name for name in _CODE if (folder / name).exists()]
    for name in code:
        if not (folder / name).is_file():
            raise SettingsError(f"{folder / name} is not a file: give another name to it.")
    modules = [imported(folder, name) for name in code]
    return _put_together(settings, source, modules)


def _read_file(path: Path, source: Path) -> AgentDefinition:
    module = imported_file(path)
    said = getattr(module, AGENT, {})
    if not isinstance(said, dict) or not all(isinstance(key, str) for key in said):
        raise SettingsError(f"{path}: {AGENT} must be a dictionary of what agent.yaml can say.")
    default: dict[str, Any] = {"name": path.stem}
    if module.__doc__ and module.__doc__.strip():
        default["instructions"] = module.__doc__.strip()
    return _put_together(_checked(default | said, path), source, [module])


def _checked(content: dict[str, Any], where: Path) -> AgentSettings:
    try:
        return AgentSettings(**content)
    except ValidationError as e:
        wrong = sentences(e, AgentSettings, lambda loc: f"{loc[-1]}: …")
        at = in_file(where, *places(e, AgentSettings))
        raise SettingsError(f"Wrong setting in {at}: {wrong}.") from e


def _put_together(
    settings: AgentSettings, source: Path, modules: list[ModuleType]
) -> AgentDefinition:
    functions = [tool for module in modules for tool in functions_of(module)]
    kind = class_of(source, modules)
    definition = AgentDefinition(settings, source, _key(source), functions, kind)
    if definition.documents and not definition.documents.is_dir():
        raise SettingsError(
            f"{source}: knowledge.folder: {definition.documents} is not a folder: make it, with "
            "Markdown or text in it."
        )
    if definition.logo and not definition.logo.is_file():
        raise SettingsError(
            f"{source}: page.logo: there is no file {definition.logo}: put it there, or leave the "
            "setting out."
        )
    taken = {*definition.given_tools}
    for name in (*(tool.info.name for tool in functions), *settings.http_tools):
        if name in taken:
            raise SettingsError(f"{source} has two tools of the name {name}: give one another.")
        taken.add(name)
    return definition


def _key(source: Path) -> str:
    return source.stem if source.suffix == ".py" else source.name


def agent_argument(argv: list[str] | None = None) -> str | None:
    """Take ``--agent NAME`` from the command line, which is LiveKit's and does not know it.

    Args:
        argv: The arguments, changed in place; those of the program if None.

    Raises:
        SettingsError: There is no name after it.
    """
    arguments = sys.argv if argv is None else argv
    chosen: str | None = None
    for at in reversed(range(1, len(arguments))):
        if arguments[at] == "--agent":
            if at + 1 == len(arguments) or arguments[at + 1].startswith("-"):
                raise SettingsError("--agent needs the path or the name of an agent after it.")
            chosen = arguments[at + 1]
            del arguments[at : at + 2]
        elif arguments[at].startswith("--agent="):
            chosen = arguments[at].removeprefix("--agent=")
            del arguments[at]
    return chosen
