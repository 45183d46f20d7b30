"""A server in front of another one, that lets it fail: by TCP, whatever is spoken over it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from enum import StrEnum

from agent.stack.ports import LOOPBACK


class Fault(StrEnum):
    """How a server fails."""

    REFUSES = "refuses"
    HANGS = "hangs before the first byte"
    STALLS = "hangs in the middle"
    RESETS = "resets in the middle"
    CRAWLS = "ten times too slow"
    GARBAGE = "garbage"
    BUSY = "429 with Retry-After"
    ERROR = "500"
    RESTARTS = "killed and back after 3 s"


_SLOWER = 10
_RESTART = 3.0
_NOISE_BYTES = 192_000
"""Four seconds of PCM, and more than any other engine's answer."""
_STATUS = {
    Fault.BUSY: "429 Too Many Requests\r\nretry-after: 2",
    Fault.ERROR: "500 Internal Server Error",
}


class FaultProxy:
    """Stands in front of a server.

    Args:
        upstream: Port of the server.
        kind: Content type of the engine's answers, which garbage is sent as.
        middle: Bytes of an answer's body after which it is in its middle.
    """

    def __init__(self, upstream: int, *, kind: str, middle: int) -> None:
        self._upstream = upstream
        self._kind = kind
        self._middle = middle
        self._fault: Fault | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._restart: asyncio.Task[None] | None = None
        self.port = 0

    async def __aenter__(self) -> FaultProxy:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._shut()
        if self._restart:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)

    async def fail(self, fault: Fault | None) -> None:
        """Fail in this way from now on, or no longer; whoever is connected is cut off."""
        await self._shut()
        self._fault = fault
        if fault is Fault.RESTARTS:
            self._restart = asyncio.create_task(self._back_soon())
        elif fault is not Fault.REFUSES:
            await self._listen()

    async def _back_soon(self) -> None:
        await asyncio.sleep(_RESTART)
        self._fault = None
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        server, self._server = self._server, None
        if server:
            server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if server:
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # it is over: asyncio would report that as an error
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match self._fault:
            case Fault.HANGS:
                while await reader.read(65536):
                    pass
            case Fault.GARBAGE | Fault.BUSY | Fault.ERROR as fault:
                await _read_request(reader)
                status = _STATUS.get(fault, "200 OK")
                body = os.urandom(_NOISE_BYTES) if fault is Fault.GARBAGE else b""
                head = f"HTTP/1.1 {status}\r\ncontent-type: {self._kind}\r\nconnection: close\r\n"
                writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
            case _:
                await self._pass_on(reader, writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, self._upstream)
        asked = asyncio.create_task(_copy(reader, back))
        try:
            async for data in self._answered(there):
                writer.write(data)
                await writer.drain()
        finally:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            back.transport.abort()

    async def _answered(self, there: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """What the server answers, as far and as fast as it gets through."""
        loop = asyncio.get_running_loop()
        passed, before = 0, loop.time()
        while data := await there.read(65536):
            if self._fault is Fault.CRAWLS:
                now = loop.time()
                await asyncio.sleep((now - before) * (_SLOWER - 1))
                before = now
            # Heads are small, and no engine is in the middle of an answer with its head alone.
            body = data.partition(b"\r\n\r\n")[2] if data.startswith(b"HTTP/") else data
            passed += len(body)
            if self._fault in (Fault.STALLS, Fault.RESETS) and passed > self._middle:
                yield data[: len(data) - (passed - self._middle)]
                if self._fault is Fault.RESETS:
                    return
                await asyncio.Event().wait()
            yield data


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
        await reader.readexactly(int(length[1]))
