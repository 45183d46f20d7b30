"""Agents of one's own: ``python -m agent new NAME``, ``check AGENT``, ``eval AGENT``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from .definition import new
from .wrong import SettingsError

_EVALUATION = {
    "eval": "play simulated callers against an agent",
    "scenario": "make a scenario for that from a conversation that was saved",
}
"""What is done by the repository's package ``evaluation``."""


def main() -> None:
    """Write a new agent, say what is wrong with one, or try it."""
    if sys.argv[1:2] and sys.argv[1] in _EVALUATION:
        sys.exit(_evaluate(sys.argv[1:]))
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("new", help="write the folder of a new agent, which runs as it is")
    making.add_argument("name", help="its name, such as tea-shop")
    making.add_argument(
        "--in", dest="where", type=Path, default=Path("agents"), help="where (%(default)s)"
    )
    checking = commands.add_parser("check", help="read an agent and say what is wrong with it")
    checking.add_argument("agent", help="its folder or file, or its name")
    for name, what in _EVALUATION.items():
        commands.add_parser(name, help=what, add_help=False)
    arguments = parser.parse_args()
    try:
        if arguments.command == "new":
            folder = new.write(arguments.name, arguments.where)
            print(
                f"{folder} is an agent. Speak with it: PARLEY_AGENT={folder} make demo\n"
                f"Test it: {_python()} -m pytest {folder}"
            )
        else:
            # Seconds of imports that a new one does not need.
            from .definition.loading import load_agent
            from .settings import load

            profile = load()
            agent = load_agent(arguments.agent, profile)
            tools = ", ".join(agent.tool_names) or "none"
            right = f"{agent.settings.name} ({agent.source}) is right. Tools: {tools}."
            print("\n".join([right, *agent.limits(profile)]))
    except SettingsError as e:
        sys.exit(str(e))


def _python() -> Path:
    """The Python that runs us, which has the packages that we need, as it is typed from here."""
    python = Path(sys.executable)
    return python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python


def _evaluate(arguments: list[str]) -> int:
    try:
        command = importlib.import_module("evaluation.command")
    except ModuleNotFoundError as e:
        if e.name not in ("evaluation", "rich"):
            raise
        sys.exit(
            f"python -m agent {arguments[0]} is in Parley's repository and not in its package: "
            "run it there, after make setup."
        )
    status: int = command.main(arguments)
    return status


if __name__ == "__main__":
    main()
