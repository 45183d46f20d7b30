"""What is left of the person at the terminal when the work is done."""

from __future__ import annotations

import asyncio
import select
import signal

import pytest

from agent.stack import terminal


@pytest.mark.parametrize("open_terminal", [False, True])
async def test_the_end_of_a_terminal_is_listened_for_as_long_as_it_is_open(
    open_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "_terminal", lambda: select.epoll() if open_terminal else None)
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(terminal.until_stopped(work()))
    await begun.wait()
    signal.raise_signal(signal.SIGHUP)
    await running
    assert not loop.remove_signal_handler(signal.SIGHUP)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
