"""The person at the terminal: what they are told, and how they stop what runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Coroutine


async def until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run something that cleans up when cancelled, and cancel it when asked to stop.

    Ctrl-C, SIGTERM and the end of the terminal ask it to stop. If asked twice, the cleanup is
    cancelled too.
    """
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    terminal = _terminal()
    gone = False

    def stop() -> None:
        say("Stopping …")
        task.cancel()

    def hang_up() -> None:
        nonlocal gone
        if terminal:
            loop.remove_reader(terminal.fileno())
        if not gone:  # the signal and the terminal itself may both tell of it
            gone = True
            stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    if terminal:
        loop.add_reader(terminal.fileno(), hang_up)
    try:
        await task
    except asyncio.CancelledError:
        say("Stopped.")
    finally:
        loop.remove_signal_handler(signal.SIGHUP)  # it would look for the terminal closed here
        if terminal:
            loop.remove_reader(terminal.fileno())
            terminal.close()


def _terminal() -> select.epoll | None:
    """What becomes readable when the terminal is gone; None where there is none.

    The signal alone does not do. A command of ssh's is the leader of its session, and only a leader
    is sent it: with ``ssh -t SERVER 'cd parley && make demo'`` that is make, which waits for us.
    """
    for number in (0, 1, 2):
        if os.isatty(number):
            terminal = select.epoll()
            terminal.register(number, 0)  # nothing but its end, which is told in any case
            return terminal
    return None


def say(line: str) -> None:
    """Tell the person at the terminal."""
    with contextlib.suppress(OSError):  # it was closed: there is nobody to tell
        print(line, flush=True)
