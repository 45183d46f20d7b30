"""A recogniser of Whisper large-v3-turbo's shape with random weights, beside the other engines.

``python -m bench.load.recogniser``, run by a Python that has torch and transformers. It is told
what the caller said, and answers when a model of that shape (:mod:`.whisper_shape`) has heard 30 s
of sound, as Whisper always does, and has written as many tokens as those words have. Requests that
come while it works are worked on together. The agent gets the words from :mod:`.random_weights`,
which asks it; ``GET /batches`` tells what each batch since the last time took.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass

from aiohttp import web

SIZES = (1, 2, 4, 8, 16)
"""Of batches: a smaller one is filled up, since kernels are chosen and loaded when a size is seen
for the first time, which took up to 0.9 s on an H200."""
_CHARACTERS_A_TOKEN = 4
"""Of English; a Chinese character is about a token."""
_PROMPT = 4
"""Tokens that say which language it is and what is to be done."""


@dataclass(frozen=True)
class Batch:
    """What a batch took; times in seconds."""

    at: float
    """When it began, since the epoch."""
    requests: int
    tokens: int
    """Of its longest request."""
    waited: float
    """How long the request that came first had waited."""
    heard: float
    """Until the encoder was done."""
    took: float
    """All of it."""


class Batches:
    """Work on all that waits at once, one batch after another.

    Args:
        work: Blocks until a batch is done; gets the number of tokens of each of its requests, and
            returns the seconds until they were heard.
        thread: Where it works: one thread, since what a GPU needs for a thread takes time.
    """

    def __init__(
        self, work: Callable[[Sequence[int]], float], thread: Executor | None = None
    ) -> None:
        self._work, self._thread = work, thread
        self._waiting: list[tuple[int, float, asyncio.Future[None]]] = []
        self._come = asyncio.Event()
        self.done: list[Batch] = []
        """Those that were worked on."""

    async def hear(self, text: str) -> None:
        """Return when a request has been worked on.

        Raises:
            RuntimeError: The model could not.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((tokens(text), time.monotonic(), done))
        self._come.set()
        await done

    async def run(self) -> None:
        """Work until cancelled. Whoever has hung up before their batch is left out of it."""
        while True:
            await self._come.wait()
            waiting = [each for each in self._waiting if not each[2].done()]
            batch, self._waiting = waiting[: SIZES[-1]], waiting[SIZES[-1] :]
            if not self._waiting:
                self._come.clear()
            if not batch:
                continue
            failure: Exception | None = None
            counts, began = [count for count, _, _ in batch], time.monotonic()
            try:
                heard = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._work, counts
                )
            except RuntimeError as e:  # out of memory, or an operation that this GPU lacks
                failure = e
            else:
                took, waited = time.monotonic() - began, began - batch[0][1]
                self.done.append(
                    Batch(time.time() - took, len(batch), max(counts), waited, heard, took)
                )
            for _, _, done in batch:
                if done.done():
                    continue
                if failure:
                    done.set_exception(failure)
                else:
                    done.set_result(None)


def filled(count: int) -> int:
    """The size of a batch in which that many requests are worked on."""
    return next(size for size in SIZES if size >= count)


def tokens(text: str) -> int:
    """About how many tokens Whisper writes for a text."""
    return _PROMPT + (len(text) // _CHARACTERS_A_TOKEN if text.isascii() else len(text))


def app(batches: Batches, eager: str | None = None) -> web.Application:
    """``POST /hear {"text": …}`` answers when it has been worked on.

    Args:
        batches: Works.
        eager: Why the decoder's step is no CUDA graph; None if it is one.
    """

    async def hear(request: web.Request) -> web.Response:
        await batches.hear((await request.json())["text"])
        return web.json_response({})

    async def health(_: web.Request) -> web.Response:
        return web.Response()

    async def told(_: web.Request) -> web.Response:
        done, batches.done = batches.done, []
        return web.json_response({"eager": eager, "batches": [asdict(batch) for batch in done]})

    async def worked(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.ensure_future(batches.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    application = web.Application()
    application.add_routes(
        [web.post("/hear", hear), web.get("/batches", told), web.get("/health", health)]
    )
    application.cleanup_ctx.append(worked)
    return application


def main() -> None:
    """Serve it."""
    parser = argparse.ArgumentParser(prog="python -m bench.load.recogniser", description=__doc__)
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()

    from .whisper_shape import Whisper  # torch, which only this program's Python has

    async def made() -> web.Application:
        thread = ThreadPoolExecutor(1)
        model = await asyncio.get_running_loop().run_in_executor(thread, Whisper, args.device)
        return app(Batches(model.work, thread), model.eager)

    web.run_app(made(), host="127.0.0.1", port=args.port, handler_cancellation=True)


if __name__ == "__main__":
    main()
