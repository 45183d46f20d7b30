"""Engines as light as they come, over the HTTP interfaces of real ones: they speak in tones.

Every caller has a name and a tone. The STT knows a caller by the tone under their voice, the LLM
says the name back, and the TTS says it as the same tone: so it can be heard on each phone whose
answer it got, without a model, and by ten phones at once on two cores. For some names the LLM can
be told to call a tool instead.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile
from aiohttp import web
from numpy.typing import NDArray

from harness.serving import serving

RATE = 24_000
"""Sample rate of the TTS, in Hz."""
NAMES = [
    *("alpha", "bravo", "charlie", "delta", "foxtrot"),
    *("golf", "hotel", "juliet", "kilo", "lima"),
]
TONES = {name: 700.0 + 130.0 * i for i, name in enumerate(NAMES)}
"""Hz by name, all within a telephone's band and none a multiple of another."""
GREETING = 450.0
"""Hz, of whatever has no name in it."""
LASTS = 1.5
"""Seconds of a tone."""
_NEAR = 8.0
"""Hz beside a tone that still count as it: 1.5 s resolve 0.7 Hz, clocks differ by less."""
_CLEAR = 16.0
"""How many times stronger a tone is than its surroundings, a median: under a voice a tone is 36 to
130 times as strong, a voice without one 8 at most."""

_LOUD = 1500.0
"""Effective amplitude of what is more than the rest of a tone, which has 5,700."""


def tone(frequency: float, seconds: float, rate: int, level: int = 8000) -> NDArray[np.int16]:
    """A tone: mono s16."""
    t = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * frequency * t) * level).astype(np.int16)


def heard(
    samples: NDArray[np.int16], rate: int, among: Iterable[float] = (GREETING, *TONES.values())
) -> set[float]:
    """Which of some tones, in Hz, are in a sound."""
    if len(samples) < rate / 4:
        return set()  # too short to tell one from the next
    spectrum: NDArray[np.float64] = np.abs(np.fft.rfft(samples.astype(float)))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)

    def strength(frequency: float, within: float) -> NDArray[np.float64]:
        near: NDArray[np.float64] = spectrum[np.abs(frequencies - frequency) < within]
        return near

    return {
        frequency
        for frequency in among
        if strength(frequency, _NEAR).max() > _CLEAR * np.median(strength(frequency, 60.0))
    }


def played(samples: NDArray[np.int16], rate: int) -> set[float]:
    """Which tones, in Hz, are the loudest for half of their time, in a sound of nothing but tones.

    A machine that starts ten calls at once breaks them up, so that they are not pure any more: what
    is the loudest for a moment need not be one.
    """
    size = rate // 4
    pieces = samples[: len(samples) // size * size].reshape(-1, size).astype(float)
    loud = pieces[pieces.std(axis=1) > _LOUD]
    spectra = np.abs(np.fft.rfft(loud * np.hanning(size)))
    peaks = np.fft.rfftfreq(size, 1 / rate)[spectra.argmax(axis=1)]
    nearest = Counter(min((GREETING, *TONES.values()), key=lambda t: abs(t - p)) for p in peaks)
    return {tone for tone, pieces in nearest.items() if pieces * size >= LASTS / 2 * rate}


@dataclass
class Engines:
    """The three engines: what they are to do, and what they were asked."""

    calls: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Tool and arguments that the LLM calls when somebody says this name."""
    results: list[str] = field(default_factory=list)
    """What tools gave back, again with every request."""
    said: list[str] = field(default_factory=list)
    """What was to be spoken."""
    prompts: list[str] = field(default_factory=list)
    """What the LLM was told of the agent and the call, with every request."""
    lasts: float = LASTS
    """Seconds of each tone that is spoken."""

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """All on one free port; their base URL, ending in ``/v1``."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/models", _models),
                web.get("/v1/audio/voices", _voices),
                web.post("/v1/audio/transcriptions", _hear),
                web.post("/v1/chat/completions", self._think),
                web.post("/v1/audio/speech", self._speak),
            ]
        )
        async with serving(app) as root:
            yield f"{root}/v1"

    async def _think(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.prompts += [str(m["content"]) for m in body["messages"] if m["role"] == "system"]
        # What the agent itself said while a tool ran comes after the result of that.
        self.results += [m["content"] for m in body["messages"] if m["role"] == "tool"]
        answer = self._answer(body["messages"][-1])
        if not body.get("stream"):
            return web.json_response(_completion("message", answer))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        end = _completion("delta", {}) | {
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        }
        end["choices"][0]["finish_reason"] = "tool_calls" if "tool_calls" in answer else "stop"
        await response.write(
            "".join(
                f"data: {json.dumps(part)}\n\n" for part in (_completion("delta", answer), end)
            ).encode()
            + b"data: [DONE]\n\n"
        )
        return response

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        said = json.dumps(message)
        name = next((name for name in NAMES if name in said), None)
        if message["role"] == "user" and name in self.calls:
            tool, arguments = self.calls[name]
            function = {"name": tool, "arguments": json.dumps(arguments)}
            call = {"index": 0, "id": "call-1", "type": "function", "function": function}
            return {"role": "assistant", "tool_calls": [call]}
        return {"role": "assistant", "content": f"You are {name}." if name else "Who is there?"}

    async def _speak(self, request: web.Request) -> web.Response:
        text = (await request.json())["input"]
        self.said.append(text)
        frequency = next((TONES[name] for name in NAMES if name in text.lower()), GREETING)
        samples = tone(frequency, self.lasts, RATE)
        return web.Response(body=samples.tobytes(), content_type="audio/pcm")


async def _models(_: web.Request) -> web.Response:
    model = {"id": "tones", "object": "model", "max_model_len": 4096}
    return web.json_response({"object": "list", "data": [model]})


async def _voices(_: web.Request) -> web.Response:
    return web.json_response({"voices": ["default"], "uploaded_voices": []})


async def _hear(request: web.Request) -> web.Response:
    file = (await request.post())["file"]
    assert isinstance(file, web.FileField)
    samples, rate = soundfile.read(io.BytesIO(file.file.read()), dtype="int16")
    found = [name for name, frequency in TONES.items() if frequency in heard(samples, rate)]
    return web.json_response({"text": " and ".join(f"This is {name}." for name in found)})


def _completion(part: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "tones",
        "object": "chat.completion" + (".chunk" if part == "delta" else ""),
        "created": 0,
        "model": "tones",
        "choices": [{"index": 0, part: content, "finish_reason": None}],
    }
