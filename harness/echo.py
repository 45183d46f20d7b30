"""Engines over HTTP that need no model: the language model tells what it was told.

So a caller hears whether an agent knows what was said before, whichever process it runs in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from aiohttp import web

from .recording import SAMPLE_RATE
from .scripted import LETTERS_PER_SECOND
from .serving import serving

MODEL = "echo"


class EchoEngines:
    """The three engines at one address, the language model as slow as a test wants it."""

    def __init__(self) -> None:
        self.root = ""
        self.delay = 0.0
        """Seconds before the language model's first word."""
        self.asked: list[list[str]] = []
        """What users had said, of each request to the language model."""
        self.spoken: list[str] = []
        """What the voice was to say, of each request."""

    def variables(self) -> dict[str, str]:
        """Environment variables by which an agent of any profile uses them."""
        return {f"PARLEY_{name}__BASE_URL": f"{self.root}/v1" for name in ("LLM", "STT", "TTS")}

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.get("/v1/audio/voices", self._voices),
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/audio/speech", self._speech),
                web.post("/v1/audio/transcriptions", self._transcription),
            ]
        )
        return app

    async def _models(self, _: web.Request) -> web.Response:
        model = {"id": MODEL, "object": "model", "max_model_len": 32768}
        return web.json_response({"object": "list", "data": [model]})

    async def _voices(self, _: web.Request) -> web.Response:
        return web.json_response({"voices": ["Ryan", "Vivian"], "uploaded_voices": []})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        said = [_text(m["content"]) for m in body["messages"] if m["role"] == "user"]
        if said:  # or it only reads the prompt
            self.asked.append(said)
            await asyncio.sleep(self.delay)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for word in f"You said: {' '.join(said)}".split(" "):
            delta = _chunk({"role": "assistant", "content": f"{word} "})
            await response.write(f"data: {json.dumps(delta)}\n\n".encode())
        end = _chunk({})
        end["choices"][0]["finish_reason"] = "stop"
        await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
        return response

    async def _speech(self, request: web.Request) -> web.Response:
        text = (await request.json())["input"]
        self.spoken.append(text)
        letters = len(text)
        at = np.arange(letters * SAMPLE_RATE // (2 * LETTERS_PER_SECOND)) / SAMPLE_RATE
        tone = (8000 * np.sin(2 * np.pi * 220 * at)).astype("<i2")
        return web.Response(body=tone.tobytes(), content_type="audio/pcm")

    async def _transcription(self, request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"text": ""})


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def _chunk(delta: dict[str, str]) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": None}
    kind = {"object": "chat.completion.chunk", "model": MODEL}
    return {"id": "1", "created": 0, **kind, "choices": [choice]}


@contextlib.asynccontextmanager
async def echo_engines() -> AsyncIterator[EchoEngines]:
    """Run the engines at a free port of this machine."""
    engines = EchoEngines()
    async with serving(engines.app()) as engines.root:
        yield engines
