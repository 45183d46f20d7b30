"""Whether the providers that the agent calls through answer: SIP's OPTIONS, which costs nothing.

LiveKit's service neither asks nor registers anywhere, so that a provider that is gone would show
with the first call that fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from livekit.agents.telemetry.http_server import HttpServer
from prometheus_client import Gauge

from .config import OutboundTrunk

UP = Gauge("parley_trunk_up", "Whether a provider has answered when it was asked last", ["trunk"])
SECONDS = Gauge("parley_trunk_answer_seconds", "How long its answer took", ["trunk"])

_PATIENCE = 5.0
"""Seconds until a provider that says nothing is taken for gone."""
_AGAIN = 0.5, 1.0, 2.0
"""Seconds after which it is asked again, over UDP: RFC 3261's first intervals."""
_LONGEST = 65_535
"""Bytes of an answer."""


@dataclass(frozen=True)
class Health:
    """What became of asking."""

    trunk: str
    up: bool
    said: str
    """The status that came, or why there was none."""
    seconds: float | None = None
    """How long it took; None if nothing came."""

    def __str__(self) -> str:
        """A line for a person."""
        took = "" if self.seconds is None else f" after {self.seconds * 1000:.0f} ms"
        return f"{self.trunk}: {'answers' if self.up else 'DOWN'}, {self.said}{took}"


async def look(trunks: Mapping[str, OutboundTrunk]) -> list[Health]:
    """Ask each provider at once, and keep for Prometheus what they say.

    Args:
        trunks: The outbound trunks, by name.
    """
    found = await asyncio.gather(*(ask(name, trunk) for name, trunk in trunks.items()))
    for health in found:
        UP.labels(health.trunk).set(health.up)
        if health.seconds is not None:
            SECONDS.labels(health.trunk).set(health.seconds)
    return found


async def ask(name: str, trunk: OutboundTrunk) -> Health:
    """Ask one provider.

    Any answer shows that it is there, and be it that it wants a password; but for one from 500 to
    599, by which a server says that it cannot serve.
    """
    host, _, port = trunk.address.partition(":")
    secure = trunk.transport == "tls"
    to = (host, int(port or (5061 if secure else 5060)))
    began = time.monotonic()
    try:
        async with asyncio.timeout(_PATIENCE):
            if trunk.transport in ("auto", "udp"):
                line = await _by_packet(*to)
            else:
                line = await _by_stream(*to, secure=secure)
    except TimeoutError:
        return Health(name, False, f"nothing within {_PATIENCE:g} s")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as e:
        return Health(name, False, str(e) or type(e).__name__)
    seconds = time.monotonic() - began
    protocol, _, status = line.partition(" ")
    code = status[:3]
    if protocol != "SIP/2.0" or not (code.isascii() and code.isdecimal()):
        return Health(name, False, "what answers speaks no SIP", seconds)
    return Health(name, not 500 <= int(code) < 600, status.strip(), seconds)


@asynccontextmanager
async def serving(
    trunks: Mapping[str, OutboundTrunk], host: str, port: int, every: float
) -> AsyncIterator[int]:
    """Ask again and again, and serve what came at ``/metrics``.

    Args:
        trunks: The outbound trunks, by name.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        every: Seconds from one time to the next.

    Yields:
        The port.

    Raises:
        OSError: The address cannot be listened on.
    """
    server = HttpServer(host, port)
    await server.start()
    asking = asyncio.create_task(_go_on(trunks, every), name="trunks")
    try:
        yield server.port
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await server.aclose()


async def _go_on(trunks: Mapping[str, OutboundTrunk], every: float) -> None:
    told: dict[str, bool] = {}
    while True:
        for health in await look(trunks):
            if told.get(health.trunk) != health.up:
                print(health, flush=True)
            told[health.trunk] = health.up
        await asyncio.sleep(every)


def _request(protocol: str, to: tuple[str, int], own: tuple[str, int]) -> bytes:
    ours = f"{own[0]}:{own[1]}" if ":" not in own[0] else f"[{own[0]}]:{own[1]}"
    tag = uuid.uuid4().hex
    lines = (
        f"OPTIONS sip:{to[0]}:{to[1]} SIP/2.0",
        f"Via: SIP/2.0/{protocol} {ours};branch=z9hG4bK{tag};rport",
        "Max-Forwards: 70",
        f"From: <sip:parley@{ours}>;tag={tag[:8]}",
        f"To: <sip:{to[0]}:{to[1]}>",
        f"Call-ID: {tag}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:parley@{ours}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.line: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _: object) -> None:
        line = data.partition(b"\r\n")[0].decode(errors="replace")
        # 100 says that it was heard, and that the answer comes.
        if not self.line.done() and not line.startswith("SIP/2.0 1"):
            self.line.set_result(line)

    def error_received(self, exc: Exception) -> None:
        if not self.line.done():
            self.line.set_exception(exc)


async def _by_packet(host: str, port: int) -> str:
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_datagram_endpoint(_Answer, remote_addr=(host, port))
    try:
        packet = _request("UDP", (host, port), transport.get_extra_info("sockname")[:2])
        transport.sendto(packet)
        for pause in _AGAIN:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    return await asyncio.shield(answer.line)
            transport.sendto(packet)
        return await answer.line
    finally:
        answer.line.cancel()
        transport.close()


async def _by_stream(host: str, port: int, *, secure: bool) -> str:
    context = ssl.create_default_context() if secure else None
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_LONGEST)
    try:
        own = writer.get_extra_info("sockname")[:2]
        writer.write(_request("TLS" if secure else "TCP", (host, port), own))
        await writer.drain()
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
            line = head.partition("\r\n")[0]
            if not line.startswith("SIP/2.0 1"):
                return line
    finally:
        writer.close()
