"""The person at the terminal: what they are told, and how they stop what runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine


async def until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run something that cleans up when cancelled, and cancel it when asked to stop.

    Ctrl-C, SIGTERM and SIGHUP (the end of the terminal) ask it to stop. If asked twice, the cleanup
    is cancelled too.
    """
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        say("Stopping …")
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        say("Stopped.")


def say(line: str) -> None:
    """Tell the person at the terminal."""
    with contextlib.suppress(OSError):  # it was closed: there is nobody to tell
        print(line, flush=True)
