"""vllm-omni's own HTTP front end over an engine of tones. Options are those of `vllm serve`.

Routes, request models, validation, errors, streaming, abort on disconnect, API key and metrics
are vllm-omni's and vLLM's, of whichever version can be imported. Only the engine is ours: the
real one needs a GPU. It can be watched and disturbed:
    GET  /stub    {"running": 0, "started": [...], "aborted": 0, "finished": 0, "most_running": 0}
    POST /stub    any of Conduct's fields; every count starts again at zero
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import torch
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from prometheus_client import Gauge
from vllm.entrypoints.openai.api_server import build_app
from vllm.entrypoints.openai.models.protocol import BaseModelPath
from vllm.entrypoints.openai.models.serving import OpenAIServingModels
from vllm.sampling_params import SamplingParams
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm_omni.entrypoints.openai import api_server
from vllm_omni.entrypoints.openai.serving_speech import OmniOpenAIServingSpeech
from vllm_omni.entrypoints.openai.serving_speech_stream import OmniStreamingSpeechHandler

try:  # 0.30
    from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
except ImportError:  # 0.24
    from vllm.entrypoints.openai.cli_args import make_arg_parser, validate_parsed_serve_args

SAMPLE_RATE = 24000
FRAME = 1920
"""Samples of a codec frame: 80 ms."""
FRAMES_PER_CHARACTER = 1
CHUNKS = (1, 3, 6, 10, 16, 25)
"""Frames of the first chunks; the last is that of all later ones."""

TOLD = ("speaker", "language", "instruct", "task_type", "ref_text", "non_streaming_mode")
"""What of a request is told of."""
CLONES = "clones"
"""The model's name for a Base checkpoint, which has no voices of its own."""

SPEAKERS = ["vivian", "serena", "uncle_fu", "dylan", "eric", "ryan", "aiden", "ono_anna", "sohee"]
LANGUAGES = ["chinese", "english", "japanese", "korean", "german", "french", "russian"]
LANGUAGES += ["portuguese", "spanish", "italian"]


@dataclass
class Conduct:
    """How the engine behaves. Times in seconds.

    Attributes:
        first_audio: From a request to its first frame.
        rtf: Seconds to make a second of audio.
        breaks: How many of the next requests fail in the middle.
        break_after: Frames after which they do.
    """

    first_audio: float = 0.02
    rtf: float = 0.05
    breaks: int = 0
    break_after: int = 0


@dataclass
class Counts:
    running: int = 0
    most_running: int = 0
    aborted: int = 0
    finished: int = 0
    started: list[dict[str, Any]] = field(default_factory=list)


class ToneEngine:
    """What the front end asks of vllm-omni's AsyncOmni, with a tone for a voice."""

    errored = False
    dead_error = RuntimeError("the engine is dead")
    renderer = None
    input_processor = None
    vllm_config = None
    mod_metrics = None

    def __init__(self, model: str) -> None:
        self.conduct = Conduct()
        self.counts = Counts()
        running = Gauge("stub:num_requests_running", "Requests that are being spoken.")
        running.set_function(lambda: self.counts.running)
        clones = model == CLONES
        talker = SimpleNamespace(
            spk_id={} if clones else {name: i for i, name in enumerate(SPEAKERS)},
            codec_language_id={name: i for i, name in enumerate(LANGUAGES)},
            spk_is_dialect={},
            hidden_size=2048,
        )
        self.model_config = SimpleNamespace(
            hf_config=SimpleNamespace(
                talker_config=talker, tts_model_type="base" if clones else "custom_voice"
            ),
            model=model,
            async_chunk=True,
            max_model_len=4096,
            allowed_local_media_path="",
            allowed_media_domains=None,
        )
        self.request_states: dict[str, Any] = {}
        self.stage_configs = [
            _stage("qwen3_tts", "Qwen3TTSTalkerForConditionalGeneration", "ar"),
            _stage("code2wav", "Qwen3TTSCode2Wav", "generation"),
        ]
        self.default_sampling_params_list = [
            SamplingParams(max_tokens=4096),
            SamplingParams(max_tokens=65536),
        ]

    async def check_health(self) -> None:
        """Never ill."""

    async def abort(self, request_id: str, **_: Any) -> None:
        """The generator's own end counts."""

    async def generate(
        self, prompt: Any, request_id: str, sampling_params_list: list[SamplingParams], **_: Any
    ) -> AsyncIterator[SimpleNamespace]:
        asked = prompt["additional_information"]
        text = asked["text"][0]
        frames = max(4, FRAMES_PER_CHARACTER * len(text))
        frames = min(frames, sampling_params_list[0].max_tokens or frames)
        conduct, counts = self.conduct, self.counts
        started = {
            "text": text,
            "frames": frames,
            "max_new_tokens": sampling_params_list[0].max_tokens,
            **{k: _first(asked.get(k)) for k in TOLD},
        }
        counts.started.append(started)
        counts.running += 1
        counts.most_running = max(counts.most_running, counts.running)
        broken = conduct.breaks > 0 and frames > conduct.break_after
        conduct.breaks -= broken
        try:
            await asyncio.sleep(conduct.first_audio)
            async for first, size in _chunks(frames, conduct.rtf):
                if broken and first + size > conduct.break_after:
                    raise RuntimeError("the engine broke off")
                yield SimpleNamespace(
                    multimodal_output={
                        "audio": _tone(first * FRAME, size * FRAME),
                        "sr": torch.tensor(SAMPLE_RATE),
                    },
                    outputs=[],
                    stage_id=1,
                    replica_id=0,
                    finished=first + size == frames,
                    final_output_type="audio",
                    metrics={},
                )
            counts.finished += 1
        except (asyncio.CancelledError, GeneratorExit):
            counts.aborted += 1
            raise
        finally:
            counts.running -= 1


async def _chunks(frames: int, rtf: float) -> AsyncIterator[tuple[int, int]]:
    """First frame and number of frames of each chunk, when it is made."""
    done = 0
    for ramp in chain(CHUNKS, repeat(CHUNKS[-1])):
        size = min(ramp, frames - done)
        if not size:
            return
        await asyncio.sleep(size * FRAME / SAMPLE_RATE * rtf)
        yield done, size
        done += size


def _tone(start: int, size: int) -> torch.Tensor:
    """A voiced sound of 180 Hz whose loudness has the rhythm of four syllables a second."""
    t = torch.arange(start, start + size) / SAMPLE_RATE
    voice = sum(torch.sin(2 * math.pi * 180 * k * t) / k for k in (1, 2, 3, 4))
    return 0.1 * voice * (1.2 + torch.cos(2 * math.pi * 4 * t))


def _stage(name: str, arch: str, worker: str) -> SimpleNamespace:
    return SimpleNamespace(
        engine_args=SimpleNamespace(model_stage=name, model_arch=arch, worker_type=worker)
    )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def build(args: Any, engine: ToneEngine) -> FastAPI:
    """The application as vllm-omni's omni_run_server_worker puts it together."""
    app: FastAPI = build_app(args, ())
    remove = getattr(api_server, "remove_route_from_app", None) or api_server._remove_route_from_app
    remove(app, "/v1/models", {"GET"})
    remove(app, "/health", {"GET"})
    app.include_router(api_server.router)
    api_server._register_omni_exception_handlers(app)
    models = OpenAIServingModels(
        engine_client=engine,
        base_model_paths=[
            BaseModelPath(name=name, model_path=args.model) for name in args.served_model_name
        ],
    )
    speech = OmniOpenAIServingSpeech(
        engine, models, request_logger=None, model_name=args.served_model_name[0]
    )
    app.state.args = args
    app.state.log_stats = False
    app.state.api_server_count = 1
    app.state.engine_client = engine
    app.state.enable_server_load_tracking = args.enable_server_load_tracking
    app.state.server_load_metrics = 0
    app.state.openai_serving_models = models
    app.state.openai_serving_speech = speech
    app.state.openai_streaming_speech = OmniStreamingSpeechHandler(speech_service=speech)
    app.include_router(_stub_routes(engine))
    return app


def _stub_routes(engine: ToneEngine) -> APIRouter:
    async def read() -> dict[str, Any]:
        return asdict(engine.counts)

    async def write(request: Request) -> None:
        engine.conduct = Conduct(**await request.json())
        engine.counts = Counts()

    router = APIRouter()
    router.add_api_route("/stub", read)
    router.add_api_route("/stub", write, methods=["POST"])
    return router


def main() -> None:
    """Serves until it is told to stop."""
    args = make_arg_parser(FlexibleArgumentParser()).parse_args()
    args.model = args.model_tag or args.model
    validate_parsed_serve_args(args)
    app = build(args, ToneEngine(args.model))
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(app, host=args.host, port=args.port, log_level="info")


if __name__ == "__main__":
    main()
