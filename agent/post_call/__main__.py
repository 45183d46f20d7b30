"""``python -m agent.post_call list|retry``: the records that have not arrived."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Set
from datetime import UTC, datetime

from .deliverer import LEASE
from .outbox import Outbox, OutboxError, Parcel


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m agent.post_call", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "list", help="print what waits, where it is to go and why it has not arrived"
    )
    commands.add_parser("retry", help="have all that waits sent as soon as an agent server runs")
    args = parser.parse_args(argv)
    try:
        asyncio.run(_do(args.command))
    except OutboxError as e:
        print(e, file=sys.stderr)
        return 1
    return 0


async def _do(command: str) -> None:
    outbox = Outbox()
    try:
        parcels = await outbox.waiting()
        if command == "list":
            unread = {parcel.id for parcel in parcels if parcel.to.kind == "model"}
            print("\n".join(_line(parcel, unread) for parcel in parcels) or "Nothing waits.")
            return
        failed = [parcel for parcel in parcels if parcel.problem]
        for parcel in failed:
            await outbox.hold(parcel, 0.0)
        print(f"{len(failed)} to be sent again.")
    finally:
        await outbox.aclose()


def _line(parcel: Parcel, unread: Set[str]) -> str:
    when = "by hand"
    if parcel.due is not None:
        when = datetime.fromtimestamp(parcel.due, UTC).isoformat(" ", "seconds")
    why = parcel.problem
    if parcel.id in unread and parcel.to.kind != "model":
        why = "It goes there once the model has seen it."
    elif parcel.due is not None and parcel.due + LEASE < time.time():
        why = f"{why} No agent server that delivers there has come for it since.".strip()
    return "\t".join((parcel.id, str(parcel.to), f"{parcel.tries} failed", when, why))


if __name__ == "__main__":
    sys.exit(main())
