"""Whether programs that were started are ready, and what to say of those that are not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from .supervision import Program, Supervisor

_POLL_SECONDS = 0.2


class StackError(Exception):
    """The stack does not start, or ended by itself; the text says what happened, where to look."""


class _NotReady(StackError):
    """Some programs are not ready yet."""


async def wait_ready(
    supervisor: Supervisor,
    programs: Sequence[Program],
    *,
    on_line: Callable[[str], None],
    within: float,
) -> None:
    """Wait until every program is ready that is needed.

    Args:
        supervisor: The supervisor that runs them.
        programs: The programs to wait for.
        on_line: Called with a line for each that became ready.
        within: Longest wait, in seconds.

    Raises:
        StackError: Some are not ready in time; the text names them and their logs.
    """
    pending = [program for program in programs if program.needed]
    started = time.monotonic()
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(_NotReady),
            stop=stop_after_delay(within),
            wait=wait_fixed(_POLL_SECONDS),
            reraise=True,
        ):
            with attempt:
                if supervisor.has_ended:
                    raise StackError(f"supervisord ended by itself: {await supervisor.ended()}")
                for program in list(pending):
                    if program.name in supervisor.given_up:
                        raise StackError(_given_up(program, supervisor.log(program.name)))
                    if await _ready(program, supervisor, client):
                        pending.remove(program)
                        on_line(f"{program.what} is ready ({time.monotonic() - started:.1f} s)")
                if pending:
                    raise _NotReady(
                        f"Not ready after {within:.0f} s: "
                        + ", ".join(f"{p.what} (see {supervisor.log(p.name)})" for p in pending)
                        + "."
                    )


async def _ready(program: Program, supervisor: Supervisor, client: httpx.AsyncClient) -> bool:
    if program.ready_line:
        try:
            log = supervisor.log(program.name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False
        return program.ready_line in log
    if program.health:
        try:
            return (await client.get(program.health)).status_code == 200
        except httpx.TransportError:
            return False
    assert program.listens
    try:
        _, writer = await asyncio.open_connection(*program.listens)
    except OSError:
        return False
    writer.close()
    return True


def _given_up(program: Program, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"{program.what} keeps stopping: {last} (all of it in {log})"
