"""Faults: each engine failing in each way in a real room, and what the caller hears of it.

Run with ``make bench-faults``, or some cells alone with ``ARGS=llm.hangs``. What was heard in each
is written beside the result, as rows and as a table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import tempfile
from dataclasses import asdict
from pathlib import Path

from agent.stack import Server
from harness import report
from harness.faults.cell import ENGINES, Outcome, run
from harness.faults.proxy import Fault
from harness.livekit_server import LiveKitServer


async def measure(wanted: list[str]) -> list[Outcome]:
    """Run the cells, one after the other.

    Args:
        wanted: Keys of cells or of engines; all if empty.
    """
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        livekit = LiveKitServer(Path(folder) / "livekit.yaml")
        await livekit.start()
        where = livekit.livekit
        server = Server(where.url, where.api_key, where.api_secret)
        try:
            for engine in ENGINES:
                for fault in Fault:
                    key = f"{engine}.{fault.name.lower()}"
                    if wanted and not {engine, key} & set(wanted):
                        continue
                    outcomes.append(await run(server, engine, fault))
                    print(_row(outcomes[-1]), flush=True)
        finally:
            await livekit.kill()
    return outcomes


def _row(outcome: Outcome) -> str:
    heard = "never" if outcome.heard_after is None else f"{outcome.heard_after:.1f} s"
    cells = (
        outcome.engine,
        str(outcome.fault),
        heard,
        f"{outcome.noise:.1f} s" if outcome.noise else "none",
        outcome.trouble or "nothing",
        outcome.kept,
        "yes" if outcome.recovered else "no",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", nargs="*", help="llm, or llm.hangs")
    cells = parser.parse_args().cells
    # What the engines' plugins say of the faults is no news here.
    logging.disable(logging.ERROR)
    outcomes = asyncio.run(measure(cells))
    folder = report.OUT / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"cell": outcome.name, **asdict(outcome)} for outcome in outcomes]
    (folder / "rows.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), "utf-8")
    head = "| engine | fault | first sound | noise | page told of | question | next one answered |"
    table = [head, "|---|---|---|---|---|---|---|", *map(_row, outcomes)]
    (folder / "table.md").write_text("\n".join(table) + "\n", "utf-8")
    n = len(outcomes)
    in_time = sum(o.heard_after is not None and o.heard_after <= 3.0 for o in outcomes)
    metrics: dict[str, report.Metric] = {
        "heard_within_3s": {"value": in_time, "n": n, "unit": "cells"},
        "turns_kept": {"value": sum(o.kept != "lost" for o in outcomes), "n": n, "unit": "cells"},
        "recovered": {"value": sum(o.recovered for o in outcomes), "n": n, "unit": "cells"},
        "noise": {"value": sum(o.noise > 0 for o in outcomes), "n": n, "unit": "cells"},
    }
    times = [o.heard_after * 1000 for o in outcomes if o.heard_after is not None]
    if times:
        metrics["first_sound"] = report.percentiles(times, "ms")
    report.write("faults", metrics, profile="fakes behind the gpu profile's plugins")


if __name__ == "__main__":
    main()
