"""Run the cases and print the table: ``make bench-duplex ARGS="…"``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal

import aiohttp

from harness import report
from harness.line import LINES

from .. import programs
from . import clips, engines, scenarios, systems, table
from .judge import Finding
from .real import RealEngines
from .runner import Runner


async def main() -> None:
    """Make what is said, start everything, play, judge, report."""
    args = _arguments()
    chosen = [
        case
        for set_ in args.sets
        for language in args.languages
        for case in scenarios.cases(set_, language, args.half)[: args.cases]
    ]
    await clips.prepare(chosen)
    if args.prepare:
        return
    if "pipecat" in args.systems:
        await systems.set_up_pipecat()
    part, parts = args.part
    todo = scenarios.conversations(chosen)[part - 1 :: parts]
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(programs.livekit())
        served = await _engines(args.engines, stack)
        await stack.enter_async_context(engines.serve(served))
        runner = stack.enter_context(
            Runner(
                server,
                served,
                report.OUT / f"duplex-{args.engines}",
                resume=args.resume,
                keep=args.keep,
            )
        )
        # Of a run that is ended sooner, too: rooms come in an order that leaves no set for the end.
        stack.callback(_report, runner.findings, args.engines)
        async with asyncio.TaskGroup() as group:
            for slot in range(args.rooms):
                group.create_task(runner.work(slot, args.systems, args.lines, todo))


def _report(findings: list[Finding], kind: str) -> None:
    if not findings:
        return  # the last result stays
    metrics = table.show(findings, kind)
    report.save(f"duplex-{kind}", metrics, profile=kind)


async def _engines(kind: str, stack: contextlib.AsyncExitStack) -> engines.Engines:
    """The engines of all systems, ready."""
    if kind == "instant":
        return engines.Engines()
    urls = {
        name: await stack.enter_async_context(programs.engine(name))
        for name in ("llm", "stt", "tts")
    }
    http = await stack.enter_async_context(aiohttp.ClientSession())
    return RealEngines(**urls, http=http)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-duplex ARGS=…", description=__doc__)
    add = parser.add_argument
    in_rooms = [name for name in systems.SYSTEMS if name != systems.STREAM]
    add("--systems", nargs="+", choices=systems.SYSTEMS, default=in_rooms)
    add(
        "--lines",
        nargs="+",
        choices=list(LINES),
        default=["wideband"],
        help="lines of the caller; on a telephone line Parley has the phone profile (wideband)",
    )
    add("--sets", nargs="+", choices=scenarios.SETS, default=list(scenarios.SETS))
    add("--languages", nargs="+", choices=["en", "zh"], default=["en", "zh"])
    add("--half", choices=["test", "train"], default="test", help="half of the cases (test)")
    add("--engines", choices=["instant", "cpu"], default="instant", help="engines (instant)")
    add("--cases", type=int, default=None, help="cases of each set and language (all)")
    add("--rooms", type=int, default=1, help="rooms at once (1)")
    add("--part", type=_part, default=(1, 1), metavar="K/N", help="only every Nth conversation")
    add("--resume", action="store_true", help="go on with a run that was ended, and report both")
    add("--keep", action="store_true", help="keep the recording of every case")
    add("--prepare", action="store_true", help="only make what is said")
    return parser.parse_args()


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 0 < int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text} is not K/N, such as 1/8")
    return int(part), int(parts)


async def _until_told() -> None:
    """Run, and end on SIGTERM as on Ctrl-C, so that what was started ends too."""
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await main()


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_told())
