"""A recogniser of Whisper large-v3-turbo's shape with random weights, beside the other engines.

``python -m bench.load.recogniser``, run by a Python that has torch and transformers. It is told
what the caller said, and answers when a model of that shape has heard 30 s of sound, as Whisper
always does, and has written as many tokens as those words have. Requests that come while it works
are worked on together. The agent gets the words from :mod:`.random_weights`, which asks it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web

_AT_ONCE = 16
_CHARACTERS_A_TOKEN = 4
"""Of English; a Chinese character is about a token."""
_PROMPT = 4
"""Tokens that say which language it is and what is to be done."""


class Batches:
    """Work on all that waits at once, one batch after another.

    Args:
        work: Blocks until a batch is done; gets the number of tokens of each of its requests.
    """

    def __init__(self, work: Callable[[Sequence[int]], None]) -> None:
        self._work = work
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._come = asyncio.Event()

    async def hear(self, text: str) -> None:
        """Return when a request has been worked on.

        Raises:
            RuntimeError: The model could not.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((tokens(text), done))
        self._come.set()
        await done

    async def run(self) -> None:
        """Work until cancelled. Whoever has hung up before their batch is left out of it."""
        while True:
            await self._come.wait()
            waiting = [each for each in self._waiting if not each[1].done()]
            batch, self._waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            if not self._waiting:
                self._come.clear()
            if not batch:
                continue
            failure: Exception | None = None
            try:
                await asyncio.to_thread(self._work, [count for count, _ in batch])
            except RuntimeError as e:  # out of memory, or an operation that this GPU lacks
                failure = e
            for _, done in batch:
                if done.done():
                    continue
                if failure:
                    done.set_exception(failure)
                else:
                    done.set_result(None)


def tokens(text: str) -> int:
    """About how many tokens Whisper writes for a text."""
    return _PROMPT + (len(text) // _CHARACTERS_A_TOKEN if text.isascii() else len(text))


def app(batches: Batches) -> web.Application:
    """``POST /hear {"text": …}`` answers when it has been worked on."""

    async def hear(request: web.Request) -> web.Response:
        await batches.hear((await request.json())["text"])
        return web.json_response({})

    async def health(_: web.Request) -> web.Response:
        return web.Response()

    async def worked(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.ensure_future(batches.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    application = web.Application()
    application.add_routes([web.post("/hear", hear), web.get("/health", health)])
    application.cleanup_ctx.append(worked)
    return application


def whisper(device: str) -> Callable[[Sequence[int]], None]:
    """A model of that shape, ready to work."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    layers = {"encoder_layers": 32, "decoder_layers": 4}
    heads = {"encoder_attention_heads": 20, "decoder_attention_heads": 20}
    wide = {"d_model": 1280, "encoder_ffn_dim": 5120, "decoder_ffn_dim": 5120}
    config = WhisperConfig(vocab_size=51866, num_mel_bins=128, **layers, **heads, **wide)
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        model = WhisperForConditionalGeneration(config).eval()
        torch.set_default_dtype(torch.float32)

    def work(counts: Sequence[int]) -> None:
        with torch.inference_mode():
            sound = torch.randn(len(counts), 128, 3000, device=device, dtype=torch.bfloat16)
            heard = model.model.encoder(sound).last_hidden_state
            written = torch.full((len(counts), 1), 50258, device=device)
            past = None
            for _ in range(max(counts)):
                step = model.model.decoder(
                    input_ids=written,
                    encoder_hidden_states=heard,
                    past_key_values=past,
                    use_cache=True,
                )
                past = step.past_key_values
                written = model.proj_out(step.last_hidden_state[:, -1:]).argmax(-1)
            written.cpu()  # the GPU has done all of it when this is here

    for size in (1, 2, 4, 8, _AT_ONCE):  # kernels are chosen and loaded at their first use
        work([_PROMPT] * size)
    return work


def main() -> None:
    """Serve it."""
    parser = argparse.ArgumentParser(prog="python -m bench.load.recogniser", description=__doc__)
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()

    async def made() -> web.Application:
        return app(Batches(await asyncio.to_thread(whisper, args.device)))

    web.run_app(made(), host="127.0.0.1", port=args.port, handler_cancellation=True)


if __name__ == "__main__":
    main()
