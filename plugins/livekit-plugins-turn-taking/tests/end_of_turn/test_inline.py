"""Silero runs in the event loop's own thread."""

from __future__ import annotations

import asyncio
import threading

import pytest
from livekit.plugins.turn_taking.end_of_turn.inline import Inline


async def test_a_call_is_over_when_it_is_submitted_and_ran_in_this_thread() -> None:
    called = Inline().submit(threading.get_ident)
    assert called.done()
    assert called.result() == threading.get_ident()


async def test_the_loop_gets_the_result_or_what_was_raised() -> None:
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(Inline(), divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(Inline(), divmod, 7, 0)
