"""Real engines with random weights: the work is theirs, words and sound are put in their place.

The language model is held to one reply by guided decoding. The voice is asked for as many frames as
its text would take, and each piece of sound is handed on when it comes, as a hum as long: noise
would be refused as a voice gone wrong. The recogniser's words are what the caller is known to say,
as far as the sound goes that was sent (:mod:`.sentence`), once a recogniser has worked on it, or
after the time that one takes. How sure it is of them it does not say.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from harness.serving import serving

from . import engines
from .sentence import said

_RECOGNISING = 0.15
"""Seconds for a short turn, where no recogniser is given."""
_FRAMES_A_SECOND = 12.5
_IDLE_WITHIN, _LOOK_EVERY = 2.0, 0.01
_RUNNING = re.compile(r"^vllm:num_requests_running(?:\{[^}]*\})? ([\d.e+]+)$", re.M)
_OMNI_RUNNING = re.compile(r"^vllm_omni:num_requests_running(?:\{[^}]*\})? ([\d.e+]+)$", re.M)


@dataclass
class Behind:
    """The engines that do the work, and what was seen of them."""

    llm: str
    """Root URL of vLLM."""
    tts: str
    """Root URL of vllm-omni."""
    stt: str = ""
    """Root URL of a recogniser; none if empty."""
    guided: bool = True
    """Whether words come from guided decoding; else each token stands for a word of the reply."""
    watched: bool = True
    """Whether to look how soon an engine is idle after a hang-up. It is asked a hundred times a
    second then, which is work for it and for this process: not beside other rooms, where an engine
    is hardly ever without anything to do."""
    idle: list[float] = field(default_factory=list)
    """Seconds from each hang-up of the agent until the engine it hung up on had nothing to do."""
    failed: list[str] = field(default_factory=list)
    """What an engine refused, in its own words."""


@contextlib.asynccontextmanager
async def serve(behind: Behind) -> AsyncIterator[str]:
    """Serve all three engines; yields their base URL, ending in ``/v1``."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
        _Front(behind, session) as front,
        serving(front.app()) as root,
    ):
        yield f"{root}/v1"


class _Front:
    def __init__(self, behind: Behind, session: aiohttp.ClientSession) -> None:
        self._behind, self._session = behind, session
        self._watching: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> _Front:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.add_routes(
            [
                web.get("/v1/models", engines.models),
                web.get("/v1/audio/voices", engines.voices),
                web.post("/v1/audio/transcriptions", self._transcribe),
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/audio/speech", self._speak),
            ]
        )
        return app

    async def _transcribe(self, request: web.Request) -> web.Response:
        try:
            form = await request.post()
        except ConnectionResetError:  # whoever asked has heard more meanwhile, and asks anew
            return web.Response()
        file = form["file"]
        assert isinstance(file, web.FileField)
        language = str(form.get("language") or "en")
        sentence = engines.QUESTION.get(language, engines.QUESTION["en"])
        text = said(sentence, file.file.read())
        if not self._behind.stt:
            await asyncio.sleep(_RECOGNISING)
            return engines.heard(text)
        async with self._session.post(f"{self._behind.stt}/hear", json={"text": text}) as answer:
            if answer.status != 200:
                return await self._refused("stt", answer)
        return engines.heard(text)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        reply = engines.reply(body)
        # Tools lengthen the prompt, as they do for a model that could call them.
        if tools := body.pop("tools", None):
            body["messages"] = [
                {"role": "system", "content": json.dumps(tools, ensure_ascii=False)},
                *body["messages"],
            ]
        body.pop("tool_choice", None)
        body.pop("parallel_tool_calls", None)
        body["model"] = "llm"
        if self._behind.guided:
            body["structured_outputs"] = {"choice": [reply]}
        else:
            body |= {"ignore_eos": True, "max_tokens": len(_pieces(reply))}
        if not body.get("stream"):
            async with self._session.post(self._chats, json=body) as answer:
                if answer.status != 200:
                    return await self._refused("llm", answer)
                return web.json_response(await answer.json())
        with self._hung_up_on(self._behind.llm, omni=False):
            async with self._session.post(self._chats, json=body) as answer:
                if answer.status != 200:
                    return await self._refused("llm", answer)
                response = web.StreamResponse(headers={"content-type": "text/event-stream"})
                await response.prepare(request)
                pieces = iter(_pieces(reply))
                async for line in answer.content:
                    if not self._behind.guided:
                        line = _in_its_place(line, pieces)
                    await response.write(line)
        return response

    @property
    def _chats(self) -> str:
        return f"{self._behind.llm}/v1/chat/completions"

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        seconds = engines.seconds_of(body["input"])
        frames = max(4, round(seconds * _FRAMES_A_SECOND))
        body |= {"model": "voice", "max_new_tokens": frames}
        hum, at = engines.hum(seconds + 1.0), 0
        with self._hung_up_on(self._behind.tts, omni=True):
            async with self._session.post(
                f"{self._behind.tts}/v1/audio/speech", json=body
            ) as answer:
                if answer.status != 200:
                    return await self._refused("tts", answer)
                response = web.StreamResponse(headers={"content-type": "audio/pcm"})
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(hum[at : at + len(piece)])
                    at += len(piece)
        return response

    async def _refused(self, engine: str, answer: aiohttp.ClientResponse) -> web.Response:
        said = f"{engine}: {answer.status} {(await answer.text())[:300]}"
        self._behind.failed.append(said)
        return web.json_response({"error": {"message": said}}, status=502)

    @contextlib.contextmanager
    def _hung_up_on(self, url: str, *, omni: bool) -> Iterator[None]:
        """See how soon an engine is idle when the agent hangs up."""
        try:
            yield
        except (asyncio.CancelledError, ConnectionResetError):
            if self._behind.watched:
                task = asyncio.ensure_future(self._idle(url, time.monotonic(), omni))
                self._watching.add(task)
                task.add_done_callback(self._watching.discard)
            raise

    async def _idle(self, url: str, since: float, omni: bool) -> None:
        # vllm-omni's own counts of its stages go stale when nothing runs.
        running = _OMNI_RUNNING if omni else _RUNNING
        while time.monotonic() - since < _IDLE_WITHIN:
            async with self._session.get(f"{url}/metrics") as answer:
                counts = running.findall(await answer.text())
            if not counts:
                return  # an engine that does not say
            if not any(float(count) for count in counts):
                break
            await asyncio.sleep(_LOOK_EVERY)
        self._behind.idle.append(time.monotonic() - since)


def _pieces(reply: str) -> list[str]:
    return re.split("(?= )", reply) if reply.isascii() else list(reply)


def _in_its_place(line: bytes, pieces: Iterator[str]) -> bytes:
    """The next word of the reply in the place of a token."""
    if not line.startswith(b"data: {"):
        return line
    event = json.loads(line[6:])
    for choice in event.get("choices", ()):
        if choice.get("delta", {}).get("content"):
            choice["delta"]["content"] = next(pieces, "")
    return f"data: {json.dumps(event)}\n".encode()
