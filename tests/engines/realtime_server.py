"""vLLM's own `/v1/realtime` over an engine that counts. Options are those of `vllm serve`.

The WebSocket, its events, the queues, the model check, the API key and the routes are vLLM's; the
smallest model that its realtime interface takes has 600 million weights, so the model is ours.
They hear one word in every half second of sound: "one two three". The rest of an audio is heard
when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import uvicorn
from fastapi import APIRouter, FastAPI
from vllm.engine.protocol import StreamingInput
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.entrypoints.openai.api_server import build_app
from vllm.entrypoints.openai.models.protocol import BaseModelPath
from vllm.entrypoints.openai.models.serving import OpenAIServingModels
from vllm.entrypoints.speech_to_text.realtime.serving import OpenAIServingRealtime
from vllm.sampling_params import SamplingParams
from vllm.utils.argparse_utils import FlexibleArgumentParser

SAMPLES_PER_WORD = 8000
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
SILENCE = "quiet"
"""The word for half a second in which nothing is louder than -46 dBFS."""


class CountingModel:
    """What the interface asks of a model class."""

    realtime_max_tokens = 64

    @staticmethod
    async def buffer_realtime_audio(
        audio: AsyncIterator[np.ndarray], tokens: asyncio.Queue[list[int]], config: Any
    ) -> AsyncIterator[list[int]]:
        """A prompt for every half second: its loudness, as a token."""
        held = np.zeros(0, dtype=np.float32)
        async for samples in audio:
            held = np.concatenate([held, samples])
            while held.size >= SAMPLES_PER_WORD:
                yield _prompt(held[:SAMPLES_PER_WORD])
                held = held[SAMPLES_PER_WORD:]
        if held.size:
            yield _prompt(held)


def _prompt(samples: np.ndarray) -> list[int]:
    return [round(float(np.abs(samples).max()) * 1000)]


class CountingEngine:
    """What the interface asks of vLLM's AsyncLLM."""

    errored = False
    dead_error = RuntimeError("the engine is dead")
    input_processor = None
    vllm_config = None

    def __init__(self, model: str) -> None:
        self.model_config = SimpleNamespace(
            model=model, max_model_len=4096, is_encoder_decoder=False, hf_config=None
        )
        self.renderer = self
        self.counts = {"running": 0, "aborted": 0, "finished": 0}

    async def render_cmpl_async(self, prompts: list[Any]) -> list[Any]:
        """Nothing to render: the prompts are tokens."""
        return prompts

    async def check_health(self) -> None:
        """Never ill."""

    async def generate(
        self,
        prompt: AsyncIterator[StreamingInput],
        sampling_params: SamplingParams,
        request_id: str,
    ) -> AsyncIterator[SimpleNamespace]:
        number = itertools.count()
        self.counts["running"] += 1
        try:
            async for part in prompt:
                (loudness,) = part.prompt["prompt_token_ids"]
                word = WORDS[next(number) % len(WORDS)] if loudness > 5 else SILENCE
                output = SimpleNamespace(text=f"{word} ", token_ids=[loudness])
                yield SimpleNamespace(outputs=[output], prompt_token_ids=[loudness])
            self.counts["finished"] += 1
        except (asyncio.CancelledError, GeneratorExit):
            self.counts["aborted"] += 1
            raise
        finally:
            self.counts["running"] -= 1


def build(args: Any, engine: CountingEngine) -> FastAPI:
    """The application as vLLM puts it together for a model with the task "realtime"."""
    app: FastAPI = build_app(args, ("realtime",))
    models = OpenAIServingModels(
        engine_client=engine,
        base_model_paths=[
            BaseModelPath(name=name, model_path=args.model) for name in args.served_model_name
        ],
    )
    serving = OpenAIServingRealtime(engine, models, request_logger=None)
    serving.model_cls = CountingModel
    app.state.args = args
    app.state.log_stats = False
    app.state.engine_client = engine
    app.state.enable_server_load_tracking = False
    app.state.server_load_metrics = 0
    app.state.openai_serving_models = models
    app.state.openai_serving_realtime = serving

    async def read() -> dict[str, int]:
        return engine.counts

    router = APIRouter()
    router.add_api_route("/stub", read)
    app.include_router(router)
    return app


def main() -> None:
    """Serves until it is told to stop."""
    args = make_arg_parser(FlexibleArgumentParser()).parse_args()
    args.model = args.model_tag or args.model
    validate_parsed_serve_args(args)
    app = build(args, CountingEngine(args.model))
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(app, host=args.host, port=args.port, log_level="info")


if __name__ == "__main__":
    main()
