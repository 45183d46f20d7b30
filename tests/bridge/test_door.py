"""Who may use the bridge, what it does with bodies that never end and files that are none."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import struct
import wave
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from agent import settings
from agent.bridge import create_app, requests
from agent.bridge.door import GUESSES
from agent.bridge.wav_file import WavError, read_wav
from agent.definition.loading import load_agent

KEY = "0123456789abcdef"


def wav(seconds: float = 0.1, *, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, rate, 0, "NONE", ""))
        out.writeframes(bytes(int(seconds * rate) * channels * width))
    return file.getvalue()


def patched(data: bytes, at: int, fmt: str, value: int) -> bytes:
    size = struct.calcsize(fmt)
    return data[:at] + struct.pack(fmt, value) + data[at + size :]


class Engines:
    """An ear that hears what it was sent."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def hear(self, frames: list[Any], language: str | None) -> tuple[str, str | None]:
        self.heard += frames
        return "", language


def app(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Starlette:
    for name, value in variables.items():
        monkeypatch.setenv(f"PARLEY_BRIDGE__{name}", value)
    nothing = cast(Any, SimpleNamespace())
    return create_app(settings.load("cpu"), load_agent("parley"), cast(Any, Engines()), nothing)


def client(served: Starlette, address: str = "192.0.2.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(served, raise_app_exceptions=True, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8090")


async def test_who_guesses_keys_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    served = app(monkeypatch, API_KEY=KEY)

    async def ask(http: httpx.AsyncClient, key: str) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return (await http.post("/bridge/stop", json={}, headers=headers)).status_code

    async with client(served) as http:
        assert [await ask(http, str(i)) for i in range(GUESSES.amount)] == [401] * GUESSES.amount
        response = await http.post("/bridge/stop", json={})
        assert (response.status_code, response.json()["error"]["code"]) == (429, "too_many")
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert await ask(http, KEY) == 429  # or it would tell which guess is right
    async with client(served, "192.0.2.8") as other:
        assert await ask(other, KEY) == 400


async def test_bodies_that_never_end_hold_no_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_BODY_SECONDS", 1.0)
    served = app(monkeypatch, MAX_REQUESTS="1")
    json = {"Content-Type": "application/json"}

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    async with client(served) as http:
        slow = [
            asyncio.create_task(http.post(path, content=slowly(), headers=json))
            for path in ("/bridge/chat", "/v1/audio/speech", "/bridge/chat")
        ]
        await asyncio.sleep(0.1)
        assert (await http.get("/health")).json()["in_flight"] == 0
        # Somebody else is served meanwhile: heard, that is, and nothing was said.
        response = await http.post(
            "/bridge/chat", content=wav(), headers={"Content-Type": "audio/wav"}
        )
        assert response.json()["error"]["code"] == "no_words"
        for answer in await asyncio.gather(*slow):
            assert (answer.status_code, answer.json()["error"]["code"]) == (408, "too_slow")


async def test_more_bodies_than_may_arrive_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_BODY_SECONDS", 1.0)
    served = app(monkeypatch, MAX_REQUESTS="1")

    async def slowly() -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    async with client(served) as http:
        headers = {"Content-Type": "application/json"}
        slow = [
            asyncio.create_task(http.post("/bridge/chat", content=slowly(), headers=headers))
            for _ in range(6)
        ]
        statuses = sorted([(await each).status_code for each in slow])
    assert statuses == [408] * 4 + [503] * 2


async def test_a_client_that_goes_away_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served = app(monkeypatch)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    for path in ("/bridge/chat", "/v1/audio/speech", "/bridge/stop"):
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"9")],
            "client": ("192.0.2.7", 1),
        }
        with caplog.at_level(logging.INFO):
            await served(scope, receive, send)
    assert caplog.records == []
    async with client(served) as http:
        assert (await http.get("/health")).json()["in_flight"] == 0


HOSTILE = {
    "rate 0": (patched(wav(), 24, "<I", 0), "0 samples a second"),
    "rate 1": (patched(wav(), 24, "<I", 1), "1 samples a second"),
    "rate 2**32 - 1": (patched(wav(), 24, "<I", 2**32 - 1), "4294967295 samples"),
    "no channels": (patched(wav(), 22, "<H", 0), "channels"),
    "65,535 channels": (patched(wav(), 22, "<H", 65_535), "65535 channels"),
    "8 bits": (wav(width=1), "8 bits"),
    "24 bits": (wav(width=3), "24 bits"),
    "0 bits": (patched(wav(), 34, "<H", 0), "PCM"),
    "compressed": (patched(wav(), 20, "<H", 7), "format"),
    "nothing": (b"", "ends too soon"),
    "a header alone": (wav()[:20], "ends too soon"),
    "no sound in it": (wav()[:36], "PCM"),
    "something else": (b"\x00" * 200, "RIFF"),
    "an MP3": (b"ID3\x03" + bytes(100), "RIFF"),
    "a chunk of 4 GB": (patched(wav(), 16, "<I", 2**32 - 1), "."),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, part = HOSTILE[name]
    with pytest.raises(WavError, match=part):
        read_wav(data)
    body = {"audio": base64.b64encode(data).decode()}
    async with client(app(monkeypatch)) as http:
        response = await http.post("/bridge/chat", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_audio")
    assert not response.json()["error"]["message"].endswith(": .")


def test_a_file_that_says_it_is_longer_than_it_is_gives_what_it_has() -> None:
    frame = read_wav(patched(wav(0.5), 40, "<I", 2**31))
    assert (frame.sample_rate, frame.num_channels, frame.duration) == (16_000, 1, 0.5)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (24_000, 2), (48_000, 8), (192_000, 1)])
def test_a_good_file_is_read(rate: int, channels: int) -> None:
    frame = read_wav(wav(0.25, rate=rate, channels=channels))
    assert (frame.sample_rate, frame.num_channels) == (rate, channels)
    assert frame.samples_per_channel == rate // 4
