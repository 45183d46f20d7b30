"""Long conversations in no time, with exact times: a clock that jumps to the next timer."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import looptime


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test from 0.0 s on, by a clock of its own.

    Work in a thread is waited for: the clock stands still unless the thread takes longer than the
    next timer.
    """

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def now() -> float:
    """Seconds since the test began, to the millisecond."""
    return round(asyncio.get_running_loop().time(), 3)
