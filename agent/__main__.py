"""Agents of one's own: ``python -m agent new NAME``, ``python -m agent check PATH``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .definition import new
from .wrong import SettingsError


def main() -> None:
    """Write a new agent, or say what is wrong with one."""
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("new", help="write the folder of a new agent, which runs as it is")
    making.add_argument("name", help="its name, such as tea-shop")
    making.add_argument(
        "--in", dest="where", type=Path, default=Path("agents"), help="where (%(default)s)"
    )
    checking = commands.add_parser("check", help="read an agent and say what is wrong with it")
    checking.add_argument("agent", help="its folder or file, or its name")
    arguments = parser.parse_args()
    try:
        if arguments.command == "new":
            folder = new.write(arguments.name, arguments.where)
            print(
                f"{folder} is an agent. Speak with it: PARLEY_AGENT={folder} make demo\n"
                f"Test it: python -m pytest {folder}"
            )
        else:
            # Seconds of imports that a new one does not need.
            from .definition.loading import load_agent
            from .settings import load

            agent = load_agent(arguments.agent, load())
            tools = ", ".join(agent.tool_names) or "none"
            print(f"{agent.settings.name} ({agent.source}) is right. Tools: {tools}.")
    except SettingsError as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
