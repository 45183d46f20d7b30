"""A clock that jumps, a listener that keeps what it gets, and servers that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import looptime
import numpy as np
import pytest
import pytest_asyncio

T = TypeVar("T")
RATE = 24_000


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "servers_like(*engines): run once with servers like each")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each engine that it, or its module, is marked with."""
    mark = metafunc.definition.get_closest_marker("servers_like")
    if mark and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", mark.args)


@pytest.fixture
def in_virtual_time() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run a coroutine in virtual time and check that it leaves no task behind."""

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        # Where every task waits for something that will never happen, they fail at once.
        loop = looptime.new_event_loop(idle_timeout=0)
        try:
            result = loop.run_until_complete(coroutine)
            assert not asyncio.all_tasks(loop)
            return result
        finally:
            loop.close()

    return run


def tone(seconds: float, level: float = 0.3) -> bytes:
    """Return a tone, as PCM, that starts and ends at full swing."""
    t = np.arange(round(seconds * RATE)) / RATE
    return bytes((np.cos(2 * np.pi * 220 * t) * level * 32767).astype("<i2").tobytes())


def quiet(seconds: float) -> bytes:
    """Return silence as PCM."""
    return bytes(round(seconds * RATE) * 2)


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, "Request"], Awaitable[None]]


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    form: bytes = b""


def head(kind: str = "audio/pcm", status: str = "200 OK", more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n{more}\r\n"
    ).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\n\r\n"


def says(*chunks: bytes, every: float = 0.0) -> Answer:
    """Answer with PCM."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Request) -> None:
        writer.write(head())
        for data in chunks:
            await asyncio.sleep(every)
            writer.write(chunk(data))
            await writer.drain()
        writer.write(END)

    return answer


def refuses(status: str, body: dict[str, Any]) -> Answer:
    """Answer with an error in JSON."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Request) -> None:
        writer.write(head("application/json", status) + chunk(json.dumps(body).encode()) + END)

    return answer


async def speaks(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
) -> None:
    """Answer with a tone as long as the text, 80 ms a character."""
    await says(tone(0.08 * max(1, len(request.body["input"]))))(reader, writer, request)


async def speaks_in_events(
    _: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Request
) -> None:
    """Answer with base64 in server-sent events, as vllm-omni does where only `stream` is set."""
    event = b'event: speech.audio.delta\ndata: {"type": "speech.audio.delta", "audio": ""}\n\n'
    writer.write(head("text/event-stream") + chunk(event) + END)


@dataclass
class FaultServer:
    """A speech server like vllm-omni, which answers as its script says, and well when that ends."""

    script: list[Answer] = field(default_factory=list)
    voices: list[str] | None = field(default_factory=lambda: ["vivian", "ryan"])
    requests: list[Request] = field(default_factory=list)
    uploads: list[Request] = field(default_factory=list)
    model: str = "qwen3-tts"
    deaf: bool = False
    running: int = 0
    closed_by_client: int = 0
    port: int = 0
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        return [request.body["input"] for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await _read(reader):
                if self.deaf:  # a black hole
                    await reader.read()
                if request.path == "/v1/models":
                    await _json(writer, {"data": [{"id": self.model}]})
                elif request.path == "/v1/audio/voices":
                    await self._voices(reader, writer, request)
                else:
                    await self._speech(reader, writer, request)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def _voices(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        if request.form:
            self.uploads.append(request)
            await _json(writer, {"success": True})
        elif self.voices is None:
            await refuses("404 Not Found", {})(reader, writer, request)
        else:
            await _json(writer, {"voices": self.voices, "uploaded_voices": []})

    async def _speech(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        if request.body.get("stream") and "stream_format" not in request.body:
            self.script.insert(0, speaks_in_events)
        await self._answer(reader, writer, request)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        self.requests.append(request)
        self.running += 1
        answer = self.script.pop(0) if self.script else speaks
        # What both engines do: a disconnect cancels the generation.
        working = asyncio.ensure_future(answer(reader, writer, request))
        gone = asyncio.ensure_future(_wait_gone(reader))
        try:
            await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self.closed_by_client += 1
                raise ConnectionError
            await working
        finally:
            self.running -= 1
            for task in (working, gone):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task


async def _wait_gone(reader: asyncio.StreamReader) -> None:
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.002)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if headers.get("content-type", "").startswith("multipart"):
        return Request(lines[0].split()[1], headers, {}, body)
    return Request(lines[0].split()[1], headers, json.loads(body) if body else {})


async def _json(writer: asyncio.StreamWriter, value: Any) -> None:
    body = json.dumps(value).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )


Start = Callable[..., Awaitable[Any]]


@pytest.fixture
def engine() -> str:
    """The engine that servers are like if they are not told; a module may ask for both."""
    return "vllm-omni"


@pytest_asyncio.fixture
async def start_server(engine: str) -> AsyncIterator[Start]:
    """Start fault servers, each with its script: `FaultServer` or `NariServer`."""
    from .nari import NariServer  # which is made of what stands here

    started = []
    like = engine

    async def start(*script: Answer, engine: str = like, **settings: Any) -> FaultServer:
        made = NariServer if engine == "nari" else FaultServer
        server = made(list(script), **settings)
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.port = listener.sockets[0].getsockname()[1]
        started.append(listener)
        return server

    yield start
    for listener in started:
        listener.close()


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
