"""The agent as its users start it, on engines that answer at once over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer

from agent.models import locate
from agent.stack import Server
from agent.stack.stack import ROOT
from harness.caller import Caller, join
from harness.livekit_server import free_port
from harness.recording import SAMPLE_RATE
from harness.resample import resampled

QUESTION = "When did the zeppelin land in Honolulu?"
"""What is heard, whatever is said."""
ANSWER = "It never did, they say in Zanzibar."
PROMPT = "You are a marmalade shop."
UNSAID = ("zeppelin", "Zanzibar", "marmalade")
"""One word of each that is nowhere else."""
TOKENS = {"prompt_tokens": 21, "completion_tokens": 8, "total_tokens": 29}

_STARTED = {"start": ("registered worker", "process initialized"), "dev": ("registered worker",)}
"""What the log says once a call is taken at once; in development no process waits for one."""
_SECONDS = 120.0
"""For a start on a machine with other work."""


def engines() -> web.Application:
    """The three engines of a profile at one address: STT, LLM, and a TTS of a tone."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "instant", "max_model_len": 4096}]})

    async def transcribe(_: web.Request) -> web.Response:
        return web.json_response({"text": QUESTION})

    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in _completion():
            await response.write(f"data: {event}\n\n".encode())
        return response

    async def voices(_: web.Request) -> web.Response:
        return web.json_response({"voices": ["Ryan", "Vivian"]})

    async def speak(request: web.Request) -> web.Response:
        seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
        tone = (np.sin(2 * np.pi * 220 * seconds) * 8000).astype("<i2")
        return web.Response(body=tone.tobytes(), content_type="audio/pcm")

    app = web.Application(client_max_size=2**24)
    app.add_routes(
        [
            web.get("/v1/models", models),
            web.post("/v1/audio/transcriptions", transcribe),
            web.post("/v1/chat/completions", chat),
            web.get("/v1/audio/voices", voices),
            web.post("/v1/audio/speech", speak),
        ]
    )
    return app


def _completion() -> list[str]:
    def chunk(**fields: Any) -> str:
        head = {"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "instant"}
        return json.dumps({**head, **fields})

    said = {"index": 0, "delta": {"role": "assistant", "content": ANSWER}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return [chunk(choices=[said]), chunk(choices=[end]), chunk(choices=[], usage=TOKENS), "[DONE]"]


async def read(metrics: str) -> dict[str, float]:
    """The metrics at an address, by name and labels as they stand there."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(metrics)).raise_for_status().text
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


@dataclass
class Agent:
    """An agent server that runs."""

    livekit: Server
    health: str
    """Address of its health page."""
    metrics: str
    """Address of its metrics."""

    async def page(self) -> dict[str, float]:
        """The metrics, by name and labels as they stand there."""
        return await read(self.metrics)

    @contextlib.asynccontextmanager
    async def caller(self) -> AsyncIterator[Caller]:
        """Somebody in a room of their own who has been greeted, has asked and was answered."""
        name = f"observed-{uuid.uuid4().hex[:8]}"
        samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
        question = resampled(samples, rate, SAMPLE_RATE)[: 2 * SAMPLE_RATE]
        async with join(self.livekit, name, language="en") as caller:
            await caller.answer(after=0.0)
            end = await caller.say(question)
            await caller.answer(after=end)
            async with asyncio.timeout(10):
                while not any(record["kind"] == "turn" for record in caller.turns):
                    await caller.tick()
            yield caller

    async def free(self) -> float:
        """Wait until no call counts among ``max_rooms``; gives the seconds that it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while (await client.get(f"{self.health}/worker")).json().get("active_jobs"):
                await asyncio.sleep(0.05)
        return loop.time() - began


@contextlib.asynccontextmanager
async def running(
    livekit: Server, folder: Path, more: Mapping[str, str], command: str = "start"
) -> AsyncIterator[Agent]:
    """Run ``python agent.py``.

    Args:
        livekit: The LiveKit server.
        folder: Where its log goes.
        more: Further environment variables.
        command: Its subcommand.
    """
    health, metrics = free_port(), free_port()
    shop = folder / f"shop-{health}"
    shop.mkdir()
    says = {"name": "Shop", "instructions": PROMPT, "greeting": "Hello."}
    (shop / "agent.yaml").write_text(json.dumps(says))
    async with TestServer(engines()) as server:
        url = str(server.make_url("/v1"))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
            "PARLEY_PROFILE": "gpu",
            "PARLEY_LLM__BASE_URL": url,
            "PARLEY_STT__BASE_URL": url,
            "PARLEY_STT__REALTIME": "false",
            "PARLEY_TTS__BASE_URL": url,
            "PARLEY_AGENT": str(shop),
            "PARLEY_PORT_AGENT": str(health),
            "PARLEY_PORT_METRICS": str(metrics),
            "PYTHONUNBUFFERED": "1",
            **more,
        }
        log = folder / f"agent-{health}.log"
        drain = ("--drain-timeout", "1") if command == "start" else ()
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "agent.py", command, *drain),
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
            )
        try:
            async with asyncio.timeout(_SECONDS):
                while not all(line in log.read_text("utf-8") for line in _STARTED[command]):
                    assert process.returncode is None, log.read_text("utf-8")
                    await asyncio.sleep(0.1)
            at = "http://127.0.0.1"
            yield Agent(livekit, f"{at}:{health}", f"{at}:{metrics}/metrics")
        except BaseException:
            print(log.read_text("utf-8"))
            raise
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(30):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
