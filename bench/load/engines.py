"""Engines for any number of rooms, over the HTTP interfaces of real ones; they answer at once.

Whatever is said is understood as one question, every question is answered with one reply, and the
voice is a hum of a voice's length. None of it costs anything that counts here: what a room costs is
the agent's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from aiohttp import web

from harness.recording import SAMPLE_RATE
from harness.serving import serving

QUESTION = {
    "en": "When does the next train to the coast leave?",
    "zh": "下一班去海边的火车几点开？",
}
REPLY = {
    "en": "It leaves at ten past four from platform two. You have some twenty minutes left.",
    "zh": "四点十分从二号站台开车。你大约还有二十分钟可以走过去。",
}
_SECONDS_A_CHARACTER = {"en": 0.065, "zh": 0.22}
_TOKEN_INTERVAL = 0.005
_PIECE = SAMPLE_RATE // 5 * 2  # bytes of 0.2 s
_RTF = 0.5


@contextlib.asynccontextmanager
async def serve() -> AsyncIterator[str]:
    """Serve all three engines; yields their base URL, ending in ``/v1``."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/v1/models", models),
            web.get("/v1/audio/voices", voices),
            web.post("/v1/audio/transcriptions", _transcribe),
            web.post("/v1/chat/completions", _chat),
            web.post("/v1/audio/speech", _speak),
        ]
    )
    async with serving(app) as root:
        yield f"{root}/v1"


def _language(text: str) -> str:
    return "en" if text.isascii() else "zh"


async def models(_: web.Request) -> web.Response:
    """One model for all."""
    return web.json_response({"data": [{"id": "instant", "max_model_len": 32768}]})


async def voices(_: web.Request) -> web.Response:
    """The voices that the profile names."""
    return web.json_response({"voices": ["Vivian", "Ryan"], "uploadedvoices": []})


def heard(text: str) -> web.Response:
    """A transcript in the form of vLLM's Whisper, which says how sure it is: here it is told."""
    return web.json_response({"text": text, "segments": [{"text": text, "avg_logprob": 0.0}]})


async def _transcribe(request: web.Request) -> web.Response:
    try:
        form = await request.post()
    except ConnectionResetError:  # whoever asked has heard more meanwhile, and asks anew
        return web.Response()
    language = str(form.get("language") or "en")
    return heard(QUESTION.get(language, QUESTION["en"]))


async def _chat(request: web.Request) -> web.StreamResponse:
    answer = reply(await request.json())
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    with contextlib.suppress(ConnectionResetError):  # whoever asked was spoken over
        for piece in answer if not answer.isascii() else re.split("(?= )", answer):
            delta = {"choices": [{"index": 0, "delta": {"content": piece}}]}
            await response.write(f"data: {json.dumps(delta)}\n\n".encode())
            await asyncio.sleep(_TOKEN_INTERVAL)
        await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
    return response


async def _speak(request: web.Request) -> web.StreamResponse:
    sound = hum(seconds_of((await request.json())["input"]))
    response = web.StreamResponse(headers={"content-type": "audio/pcm"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):
        for start in range(0, len(sound), _PIECE):
            await response.write(sound[start : start + _PIECE])
            await asyncio.sleep(_PIECE / 2 / SAMPLE_RATE * _RTF)
    return response


def reply(body: dict[str, Any]) -> str:
    """What a request of the language model is answered with, in the language of the question."""
    messages = reversed(body["messages"])
    asked = next((m["content"] for m in messages if m["role"] == "user"), QUESTION["en"])
    return REPLY[_language(str(asked))]


def seconds_of(text: str) -> float:
    """How long a voice would take for a text."""
    return max(0.3, len(text) * _SECONDS_A_CHARACTER[_language(text)])


def hum(seconds: float) -> bytes:
    """A pitch of 140 Hz that swells four times a second, as syllables do."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 140 * t) + 0.5 * np.sin(2 * np.pi * 280 * t)
    return (tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)) * 6000).astype(np.int16).tobytes()
