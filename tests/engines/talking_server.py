"""vllm-omni's own `/v1/realtime` over an engine that answers. Options are those of `vllm serve`.

The WebSocket, its events, the queues, the model check, the API key and the routes are vllm-omni's
and vLLM's. The engine hears as realtime_server.py's does, says the word, and a tone of 80 ms.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch
import uvicorn
from vllm.engine.protocol import StreamingInput
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.sampling_params import SamplingParams
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm_omni.entrypoints.openai import api_server

if TYPE_CHECKING:
    from . import realtime_server
else:  # launcher.py, beside it, imports this without a package
    import realtime_server

SAMPLE_RATE = 24000


class TalkingEngine(realtime_server.CountingEngine):
    """What the interface asks of vllm-omni's AsyncOmni."""

    default_sampling_params_list = (SamplingParams(), SamplingParams(), SamplingParams())

    async def generate(  # type: ignore[override]  # as AsyncOmni's differs from AsyncLLM's
        self,
        prompt: AsyncIterator[StreamingInput],
        request_id: str,
        sampling_params_list: list[SamplingParams],
    ) -> AsyncIterator[SimpleNamespace]:
        pitch = itertools.count(10)
        async for heard in super().generate(prompt, sampling_params_list[0], request_id):
            yield SimpleNamespace(stage_id=0, multimodal_output=None, **vars(heard))
            # The front end takes sound that begins as what it has sent for a repetition of it.
            tone = 0.1 * torch.sin(torch.arange(1920) / next(pitch))
            audio = {"audio": tone, "sr": torch.tensor(SAMPLE_RATE)}
            yield SimpleNamespace(stage_id=2, outputs=[], multimodal_output=audio)


def main() -> None:
    """Serves until it is told to stop."""
    args = make_arg_parser(FlexibleArgumentParser()).parse_args()
    args.model = args.model_tag or args.model
    validate_parsed_serve_args(args)
    app = realtime_server.build(args, TalkingEngine(args.model))
    routes = app.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", None) != "/v1/realtime"]
    app.include_router(api_server.router)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(app, host=args.host, port=args.port, log_level="info")


if __name__ == "__main__":
    main()
