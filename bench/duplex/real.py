"""The CPU profile's own engines: each request of a room is passed on, and its answer kept.

What the model says is not known beforehand. So the TTS's answers are kept too: laid end to end they
are the sound of the reply, whose words are aligned when the case is over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import aiohttp
import numpy as np
from aiohttp import web

from harness.recording import SAMPLE_RATE

from .align import Aligner, contains, key, words
from .clips import NOTHING, Clip
from .engines import Engines, Request
from .scenarios import Case

LONGEST = 25.0
"""Seconds of a reply that are compared with what was heard: Whisper takes 30."""

PROMPTS = {
    "en": "Tell me a long story about an old castle by the sea.",
    "zh": "给我讲一个很长的故事，讲海边的一座老城堡。",
}
"""What the model is asked, so that it speaks for long."""


class RealEngines(Engines):
    """Passes requests on.

    Args:
        llm: Base URL of the language model, ending in ``/v1``.
        stt: Base URL of the STT, which systems ask themselves.
        tts: Base URL of the TTS.
        http: The HTTP session to use.
    """

    def __init__(self, llm: str, stt: str, tts: str, http: aiohttp.ClientSession) -> None:
        super().__init__()
        self.stt = stt
        self._llm, self._tts, self._http = llm, tts, http
        self._aligner = Aligner()

    def prompt(self, case: Case) -> str:
        """What makes the agent speak for long."""
        return PROMPTS[case.language]

    def reply(self, case: Case, requests: Sequence[Request]) -> Clip:
        """The sound of the first reply, as far as it was made; nothing if none of it was."""
        first = next((r for r in requests if r.engine == "llm" and r.answer), None)
        said = [key(word) for word in words(_content(first.answer))] if first else []
        units = [
            r
            for r in requests
            # Of one that was broken off before it had sound no word could be found.
            if r.engine == "tts"
            and len(r.answer) > 1
            and contains(said, [key(word) for word in words(r.text)])
        ]
        sound, text = np.zeros(0, np.int16), ""
        for unit in units:
            more = np.frombuffer(unit.answer[: len(unit.answer) // 2 * 2], np.int16)
            if len(sound) + len(more) > LONGEST * SAMPLE_RATE:
                break
            sound, text = np.concatenate([sound, more]), f"{text} {unit.text}"
        if not len(sound):
            return NOTHING
        return Clip(sound, tuple(self._aligner.align(sound, text, case.language)))

    async def _models(self, _: web.Request) -> web.Response:
        return await self._get(f"{self._llm}/models")

    async def _voices(self, _: web.Request) -> web.Response:
        return await self._get(f"{self._tts}/audio/voices")

    async def _get(self, url: str) -> web.Response:
        async with self._http.get(url) as answer:
            return web.json_response(await answer.json(), status=answer.status)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        room, body = self._room(request), await request.json()
        with room.request("llm", "") as entry:
            return await self._pass_on(request, f"{self._llm}/chat/completions", body, entry)

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        room, body = self._room(request), await request.json()
        # Systems ask for models and voices that they know: there is only one of each here.
        body = {**body, "model": None, "voice": None, "stream_format": "audio"}
        with room.request("tts", body["input"]) as entry:
            return await self._pass_on(request, f"{self._tts}/audio/speech", body, entry)

    async def _pass_on(
        self, request: web.Request, url: str, body: dict[str, object], entry: Request
    ) -> web.StreamResponse:
        async with self._http.post(url, json=body) as answer:
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                entry.answer += chunk
                await response.write(chunk)
        return response


def _content(answer: bytes) -> str:
    """The text of a streamed completion."""
    text = ""
    for line in answer.decode(errors="replace").splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line.removeprefix("data: ")).get("choices", []):
                text += choice.get("delta", {}).get("content") or ""
    return text
