"""``python -m agent.telemetry.report FILE``: writes FILE's page beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .page import render
from .saved import NotSaved, read


def main() -> None:
    """Write the page and print where it is."""
    parser = argparse.ArgumentParser(
        prog="python -m agent.telemetry.report",
        description="make one HTML page of a saved conversation",
    )
    parser.add_argument("file", type=Path, help="what the web page saved, a ZIP file")
    parser.add_argument("--out", type=Path, help="the page to write (FILE with .html at its end)")
    arguments = parser.parse_args()
    out: Path = arguments.out or arguments.file.with_suffix(".html")
    try:
        out.write_text(render(read(arguments.file)), encoding="utf-8")
    except NotSaved as e:
        sys.exit(str(e))
    except OSError as e:
        sys.exit(f"{out} cannot be written: {(e.strerror or str(e)).lower()}.")
    print(out)


if __name__ == "__main__":
    main()
