"""Engines that answer at once, over the HTTP interfaces of real ones, one set for each room.

The LLM streams the reply that the room was told to give, the TTS streams the sound of any part of a
reply that is known, and the STT (a WebSocket, which is not an interface of any real engine)
transcribes by :mod:`bench.duplex.scripted_stt`. The first token and the first sound come without
delay; the rest follows at the pace of a GPU, so that an engine that nobody stopped is still busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from harness.recording import SAMPLE_RATE, Samples
from harness.serving import serving

from . import clips
from .align import key, words
from .scenarios import Case, Language
from .scripted_stt import ScriptedStt

TOKEN_INTERVAL = 0.005
"""Seconds between the model's words, in Chinese between its characters."""

FIRST = 0.6
"""Seconds of audio that come at once: Pipecat waits for half a second before it plays any."""

RTF = 0.5
"""Time to make the audio after that, divided by its length: a GPU with some streams on it."""

_CHUNK = 0.2
"""Seconds of audio in a chunk."""

MODEL = "instant"


@dataclass
class Request:
    """What an engine was asked for; times are by the monotonic clock."""

    engine: str
    text: str
    opened: float
    closed: float | None = None
    answer: bytes = b""
    """What came back, from an engine whose answers are not known beforehand."""


@dataclass
class Room:
    """The engines of one room."""

    language: Language
    reply: str = ""
    """What the model answers."""
    requests: list[Request] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    """All that it answered, the last at the end."""

    def __post_init__(self) -> None:
        self.stt = ScriptedStt("" if self.language == "zh" else " ")

    def part(self, text: str) -> Samples:
        """The sound of a part of a reply; the parts of a reply add up to its whole sound.

        Raises:
            LookupError: No reply has these words.
        """
        wanted = [key(word) for word in words(text)]
        for reply in reversed(self.replies):
            clip = clips.of_reply(reply, self.language)
            said = [key(word.text) for word in clip.words]
            for i in range(len(said) - len(wanted) + 1):
                if said[i : i + len(wanted)] == wanted:
                    after = i + len(wanted)
                    start = clip.words[i].start if wanted else 0.0
                    end = clip.words[after].start if after < len(said) else clip.duration
                    return clip.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
        raise LookupError(text)

    @contextlib.contextmanager
    def request(self, engine: str, text: str) -> Iterator[Request]:
        """Keep when a request was opened and closed."""
        entry = Request(engine, text, time.monotonic())
        self.requests.append(entry)
        try:
            yield entry
        finally:
            entry.closed = time.monotonic()


class Engines:
    """The HTTP server of all rooms; :func:`serve` runs it."""

    def __init__(self) -> None:
        self.root = ""
        self.stt = ""
        """Base URL of an STT that systems ask themselves, in place of the rooms' own."""
        self._rooms: dict[str, Room] = {}

    def open(self, name: str, language: Language) -> Room:
        """Make the engines of a room."""
        self._rooms[name] = Room(language)
        return self._rooms[name]

    def close(self, name: str) -> None:
        """Forget a room."""
        del self._rooms[name]

    def url(self, name: str) -> str:
        """Base URL of a room's engines, without ``/v1``."""
        return f"{self.root}/{name}"

    def prompt(self, _: Case) -> str:
        """What makes the agent speak for long."""
        return "…"

    def reply(self, case: Case, _: Sequence[Request]) -> clips.Clip:
        """The sound of the reply that a case is about."""
        return clips.of_reply(case.reply, case.language)

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/{room}/v1/models", self._models),
                web.get("/{room}/v1/audio/voices", self._voices),
                web.post("/{room}/v1/chat/completions", self._chat),
                web.post("/{room}/v1/audio/speech", self._speech),
                web.get("/{room}/stt", self._transcribe),
            ]
        )
        return app

    def _room(self, request: web.Request) -> Room:
        name = request.match_info["room"]
        if name not in self._rooms:
            raise web.HTTPNotFound(text=f"There is no room {name}.")
        return self._rooms[name]

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"object": "list", "data": [{"id": MODEL, "object": "model", "max_model_len": 32768}]}
        )

    async def _voices(self, _: web.Request) -> web.Response:
        return web.json_response({"voices": ["default"], "uploaded_voices": []})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        room, body = self._room(request), await request.json()
        reply = room.reply
        if body.get("max_tokens") == 1 or body.get("max_completion_tokens") == 1 or not reply:
            return web.json_response(_completion("message", {"role": "assistant", "content": ""}))
        if reply in room.replies:
            room.replies.remove(reply)
        room.replies.append(reply)
        with room.request("llm", reply):
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            pieces = reply if room.language == "zh" else reply.split(" ")
            for i, piece in enumerate(pieces):
                text = piece if room.language == "zh" or not i else f" {piece}"
                delta = _completion("delta", {"role": "assistant", "content": text})
                await response.write(f"data: {json.dumps(delta)}\n\n".encode())
                await asyncio.sleep(TOKEN_INTERVAL)
            end = _completion("delta", {}) | {
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            }
            end["choices"][0]["finish_reason"] = "stop"
            await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
        return response

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        room, body = self._room(request), await request.json()
        try:
            samples = room.part(body["input"])
        except LookupError:
            raise web.HTTPBadRequest(text=f"No reply has {body['input']!r}.") from None
        with room.request("tts", body["input"]):
            response = web.StreamResponse(headers={"content-type": "audio/pcm"})
            await response.prepare(request)
            first, size = int(FIRST * SAMPLE_RATE), int(_CHUNK * SAMPLE_RATE)
            await response.write(samples[:first].tobytes())
            for start in range(first, len(samples), size):
                await asyncio.sleep(_CHUNK * RTF)
                await response.write(samples[start : start + size].tobytes())
        return response

    async def _transcribe(self, request: web.Request) -> web.WebSocketResponse:
        room = self._room(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                for heard in room.stt.feed(np.frombuffer(message.data, np.int16)):
                    await socket.send_json(heard._asdict())
        return socket


@contextlib.asynccontextmanager
async def serve(engines: Engines) -> AsyncIterator[None]:
    """Run the server on a free port of this machine."""
    async with serving(engines.app()) as engines.root:
        yield


def _completion(field_: str, content: dict[str, str]) -> dict[str, Any]:
    kind = "chat.completion" + (".chunk" if field_ == "delta" else "")
    return {
        "id": "instant",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL,
        "choices": [{"index": 0, field_: content, "finish_reason": None}],
    }
