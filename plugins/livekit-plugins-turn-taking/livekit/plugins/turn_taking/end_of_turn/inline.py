"""An executor without threads, for calls that are shorter than the way to a thread and back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Inline(Executor):
    """Calls what it is given at once, in the thread that asks.

    Silero takes 0.02 ms for its 32 ms of sound. To wake a thread for it and be woken by it takes
    ten times as long, and half a millisecond where many rooms share the processor.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function; the future has its result, or what it raised."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as e:
            future.set_exception(e)
        return future
