"""An agent that is killed in a call: how long until another one is heard, and what it knows.

Run with ``make bench-recovery``. Everything on this machine is real, the engines of its processor
included, with a second agent server that stands by, as `make demo` starts them. Times are a
caller's: from the kill to the first sound of the next agent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import psutil
from livekit import rtc

from agent import settings
from agent.stack import Stack
from harness import crash, report
from harness.caller import Caller, join


@dataclass
class Recovery:
    """What one kill looked like from the caller's side; times in milliseconds after it."""

    gone: float
    """Until the dead agent was no longer seen in the room."""
    back: float
    """Until the next agent was heard."""
    kept: bool
    """Whether it knew what had been told to the one before."""
    answer: str


async def job_killed(stack: Stack) -> Recovery:
    """Kill the job of a call."""
    return await _recovery(stack, _kill_job)


async def server_killed(stack: Stack) -> Recovery:
    """Kill the agent server of a call, whose jobs end with it."""
    return await _recovery(stack, crash.kill)


async def all_killed(stack: Stack) -> Recovery:
    """Kill the agent server of a call and all of its jobs at once, so that none can say so."""
    return await _recovery(stack, crash.kill_with_jobs)


WAYS: dict[str, Callable[[Stack], Awaitable[Recovery]]] = {
    "job_killed": job_killed,
    "server_killed": server_killed,
    "server_killed.with_jobs": all_killed,
}


def summarise(name: str, found: list[Recovery]) -> dict[str, report.Metric]:
    """The figures of one way to be killed."""
    kept = sum(each.kept for each in found) / len(found)
    return {
        name: report.percentiles([each.back for each in found], "ms"),
        f"{name}.gone": report.percentiles([each.gone for each in found], "ms"),
        f"{name}.history_kept": {"value": kept, "n": len(found), "unit": "fraction"},
    }


def _kill_job(server: psutil.Process) -> float:
    job = crash.job(server)
    assert job, "the call is not held by this server"
    return crash.kill(job)


async def _recovery(stack: Stack, kill: Callable[[psutil.Process], float]) -> Recovery:
    variables = {"PARLEY_PORT_WEB": str(stack.ports["web"])}
    server = await crash.in_service(stack.logs, variables)
    async with join(stack.server, f"bench-{uuid.uuid4().hex[:8]}", language="en") as caller:
        await caller.until("listening", within=60)
        await caller.answer(after=0.0)  # the greeting
        await _told(caller, "My name is Anna. Please remember that.")
        await crash.job_of(server)
        gone: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        @caller.room.on("participant_disconnected")
        def _(_: rtc.RemoteParticipant) -> None:
            if not gone.done():
                gone.set_result(time.monotonic())

        killed = kill(server)
        since = killed - caller._started
        async with asyncio.timeout(60):
            left = await gone
            while (back := caller.heard.first_sound(since)) is None:  # both were silent
                await caller.tick()
        await caller.answer(after=since)
        answer = await _told(caller, "What is my name?")
    return Recovery(
        gone=(left - killed) * 1000,
        back=(back - since) * 1000,
        kept="anna" in answer.lower(),
        answer=answer,
    )


async def _told(caller: Caller, text: str) -> str:
    asked = caller.now
    await caller.type(text)
    await caller.answer(after=asked)
    captions = caller.captions.values()
    return " ".join(c.text for c in captions if c.identity != caller.identity and c.at >= asked)


async def main() -> None:
    """Start everything, kill it again and again, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="kills of each kind (5)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=[*WAYS], help="all")
    args = parser.parse_args()
    metrics: dict[str, report.Metric] = {}
    rows: list[dict[str, object]] = []
    async with Stack(standby=True) as stack:
        for name in args.ways:
            found = []
            for _ in range(args.times):
                found.append(await WAYS[name](stack))
                rows.append({"way": name, **asdict(found[-1])})
                print(rows[-1], flush=True)
            metrics |= summarise(name, found)
    path = report.OUT / "recovery" / "kills.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    report.write("recovery", metrics, profile=str(settings.profile_path("cpu").stem))


if __name__ == "__main__":
    asyncio.run(main())
