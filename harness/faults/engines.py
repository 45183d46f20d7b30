"""Three engines of one server, over the HTTP interfaces of real ones, at the pace of a GPU.

The recogniser hears the question that is being asked, and the model answers by its number.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from harness.recording import SAMPLE_RATE, Samples
from harness.serving import serving

MODEL = "steady"

_FIRST_TOKEN, _TOKEN = 0.2, 0.03
"""Seconds to the model's first word, and to each after that."""
_FIRST_SOUND, _RTF = 0.15, 0.3
_HEARING = 0.25
"""Seconds from the end of an utterance to its transcript."""
_LETTERS_PER_SECOND = 15
_PITCH = 300
"""Hz."""
_CHUNK = 0.2
_LOUD = 800


def question(number: int) -> str:
    """What is recognised of a question."""
    return f"Question number {number}, please."


def answer(number: int) -> str:
    """What the model says to it."""
    return f"This is answer number {number}. Tokyo is a large city, and many people live there."


class Engines:
    """The routes of all three."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0
        """The number of the question that is being asked, or was asked last."""

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=2**26)
        app.add_routes(
            [
                web.get("/v1/models", _models),
                web.get("/v1/audio/voices", _voices),
                web.post("/v1/chat/completions", _chat),
                web.post("/v1/audio/speech", _speech),
                web.get("/v1/realtime", self._listen),
            ]
        )
        return app

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "session.created", "id": "s", "created": int(time.time())})
        heard = bytearray()
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            event: dict[str, Any] = json.loads(message.data)
            if event["type"] == "input_audio_buffer.append":
                heard += base64.b64decode(event["audio"])
            elif event["type"] == "input_audio_buffer.commit" and event.get("final"):
                await asyncio.sleep(_HEARING)
                loud = np.abs(np.frombuffer(bytes(heard), np.int16).astype(int)) > _LOUD
                text = question(self.asked) if loud.any() else ""
                heard.clear()
                # Some words come before the last ones do, as of a model that streams.
                await socket.send_json({"type": "transcription.delta", "delta": text[:8]})
                await asyncio.sleep(0.02)
                usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
                await socket.send_json({"type": "transcription.done", "text": text, "usage": usage})
        return socket


@contextlib.asynccontextmanager
async def serve() -> AsyncIterator[Engines]:
    """Run them on a free port of this machine."""
    engines = Engines()
    async with serving(engines.app()) as root:
        engines.port = int(root.rpartition(":")[2])
        yield engines


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": MODEL, "max_model_len": 32768}]})


async def _voices(_: web.Request) -> web.Response:
    return web.json_response({"voices": []})


async def _chat(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    asked = [str(m["content"]) for m in body["messages"] if m["role"] == "user"]
    numbers = re.findall(r"number (\d)", asked[-1]) if asked else []
    if 1 in (body.get("max_tokens"), body.get("max_completion_tokens")):
        return web.json_response(_completion("message", {"role": "assistant", "content": ""}))
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await asyncio.sleep(_FIRST_TOKEN)
    for word in re.findall(r"\S+\s*", answer(int(numbers[-1]) if numbers else 0)):
        delta = _completion("delta", {"role": "assistant", "content": word})
        await response.write(f"data: {json.dumps(delta)}\n\n".encode())
        await asyncio.sleep(_TOKEN)
    end = _completion("delta", {})
    end["choices"][0]["finish_reason"] = "stop"
    end["usage"] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
    return response


async def _speech(request: web.Request) -> web.StreamResponse:
    text = (await request.json())["input"]
    at = np.arange(int(SAMPLE_RATE * duration(text))) / SAMPLE_RATE
    pcm = (np.sin(2 * np.pi * _PITCH * at) * 9000).astype(np.int16).tobytes()
    response = web.StreamResponse(headers={"content-type": "audio/pcm"})
    await response.prepare(request)
    await asyncio.sleep(_FIRST_SOUND)
    size = int(_CHUNK * SAMPLE_RATE) * 2
    for start in range(0, len(pcm), size):
        await response.write(pcm[start : start + size])
        await asyncio.sleep(_CHUNK * _RTF)
    return response


def duration(text: str) -> float:
    """How long the voice speaks, in seconds."""
    return len(text) / _LETTERS_PER_SECOND


def spoken_seconds(samples: Samples) -> float:
    """How long the voice is heard in a recording, in seconds: it is a tone, and prompts are not."""
    window = SAMPLE_RATE // 10
    whole = samples[: len(samples) // window * window].reshape(-1, window).astype(float)
    power = np.abs(np.fft.rfft(whole * np.hanning(window))) ** 2
    at = _PITCH * window // SAMPLE_RATE
    tone = power[:, at - 3 : at + 4].sum(axis=1)
    loud = np.abs(whole).max(axis=1) > _LOUD
    return float(np.sum(loud & (tone > 0.8 * power.sum(axis=1)))) / 10


def _completion(field: str, content: dict[str, str]) -> dict[str, Any]:
    kind = "chat.completion" + (".chunk" if field == "delta" else "")
    choice = {"index": 0, field: content, "finish_reason": None}
    return {"id": "x", "object": kind, "created": 1, "model": MODEL, "choices": [choice]}
