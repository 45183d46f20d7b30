"""``python -m agent.demo``: start everything, print the address, stop everything on Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine

from agent.local.models import ModelError, locate

from . import ports
from .ports import PortError
from .stack import Stack, StackError

ROLES = ("llm", "stt", "kokoro", "web")
"""Models that the programs will look for; better said before six of them have started."""


async def run() -> None:
    """Run the stack.

    Raises:
        PortError, ModelError, StackError: Something is in the way; the text says what.
    """
    numbers = ports.chosen()
    address = os.environ.get("PARLEY_ADDRESS", ports.LOOPBACK)
    ports.check(numbers, address)
    for role in ROLES:
        locate(role)
    say("Starting LiveKit, the engines, the agent and the web page …")
    async with Stack(numbers, address=address, on_line=say) as stack:
        say(f"\n  Open {stack.web_url} and talk. Ctrl-C stops everything.\n")
        await stack.run()


async def until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run something that cleans up when cancelled, and cancel it when asked to stop.

    Asked means Ctrl-C, SIGTERM, or SIGHUP: the end of the terminal. Asked twice, the cleaning up
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


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    try:
        asyncio.run(until_stopped(run()))
    except (PortError, ModelError, StackError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
