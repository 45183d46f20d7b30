"""``python -m agent.models fetch|verify [ROLE ...]``."""

from __future__ import annotations

import argparse
import sys

from .fetch import fetch, verify
from .manifest import ModelError


def main() -> None:
    """Fetch or verify, and end with one sentence for each thing that is wrong."""
    parser = argparse.ArgumentParser(prog="python -m agent.models", description=__doc__)
    parser.add_argument("command", choices=["fetch", "verify"])
    parser.add_argument("roles", nargs="*", metavar="ROLE", help="all of them when none is given")
    arguments = parser.parse_args()
    try:
        if arguments.command == "fetch":
            fetch(arguments.roles)
        elif problems := verify(arguments.roles):
            sys.exit("\n".join(problems))
    except ModelError as e:
        sys.exit(str(e))
    except OSError as e:
        sys.exit(f"The cache cannot be written ({e}): name another folder in PARLEY_CACHE.")
    except KeyboardInterrupt:
        sys.exit("Stopped; `make setup` goes on from here.")


if __name__ == "__main__":
    main()
