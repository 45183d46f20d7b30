"""Whether the providers that the agent calls through answer: SIP's OPTIONS, which costs nothing.

LiveKit's service neither asks nor registers anywhere, so a provider that is gone would only show
with the first call that fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import Gauge

from .config import OutboundTrunk

UP = Gauge("parley_trunk_up", "Whether a provider has answered when it was asked last", ["trunk"])
SECONDS = Gauge("parley_trunk_answer_seconds", "How long its answer took", ["trunk"])
OTHER_NAME = Gauge(
    "parley_trunk_other_name", "Whether its certificate is for another name", ["trunk"]
)

_PATIENCE = 5.0
"""Seconds until a provider that says nothing is taken for gone."""
_AGAIN = 0.5, 1.0, 2.0
"""Seconds after which it is asked again, over UDP: RFC 3261's first intervals."""
_LONGEST = 65_535
"""Bytes of an answer."""
_CANNOT_SERVE = frozenset({500, 502, 503, 504})
"""Answers of a server that cannot serve. The others from 500 on are about the question: 501 says
that OPTIONS is not known there."""
_OTHER_NAME = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


@dataclass(frozen=True)
class Health:
    """What became of asking."""

    trunk: str
    up: bool
    said: str
    """The status that came, or why there was none."""
    seconds: float | None = None
    """How long it took; None if nothing came."""
    other_name: bool = False
    """Whether its certificate, though of a known authority, is for another name. LiveKit's service
    calls all the same if it has a certificate itself, and else does not."""

    @property
    def state(self) -> str:
        """How it is, for a person."""
        if not self.up:
            return "DOWN"
        return "answers, but its certificate is for another name" if self.other_name else "answers"

    def __str__(self) -> str:
        """A line for a person."""
        took = "" if self.seconds is None else f" after {self.seconds * 1000:.0f} ms"
        return f"{self.trunk}: {self.state}, {self.said}{took}"


async def look(trunks: Mapping[str, OutboundTrunk]) -> list[Health]:
    """Ask all providers at the same time, and keep for Prometheus what they say.

    Args:
        trunks: The outbound trunks, by name.
    """
    found = await asyncio.gather(*(ask(name, trunk) for name, trunk in trunks.items()))
    for health in found:
        UP.labels(health.trunk).set(health.up)
        OTHER_NAME.labels(health.trunk).set(health.other_name)
        if health.seconds is not None:
            SECONDS.labels(health.trunk).set(health.seconds)
        else:
            with contextlib.suppress(KeyError):  # it has never answered
                SECONDS.remove(health.trunk)
    return found


async def ask(name: str, trunk: OutboundTrunk) -> Health:
    """Ask one provider.

    Any answer shows that it is there, even a demand for a password, except those by which a server
    says that it cannot serve (500, 502, 503, 504).
    """
    host, _, port = trunk.address.partition(":")
    secure = trunk.transport == "tls"
    to = (host, int(port or (5061 if secure else 5060)))
    began = time.monotonic()
    other_name = False
    try:
        async with asyncio.timeout(_PATIENCE):
            if trunk.transport in ("auto", "udp"):
                line = await _by_packet(*to)
            else:
                context = ssl.create_default_context() if secure else None
                try:
                    line = await _by_stream(*to, context)
                except ssl.SSLCertVerificationError as e:
                    if context is None or e.verify_code not in _OTHER_NAME:
                        raise
                    other_name, context.check_hostname = True, False
                    line = await _by_stream(*to, context)
    except TimeoutError:
        return Health(name, False, f"nothing within {_PATIENCE:g} s")
    # An address that cannot be is an OverflowError (its port) or a ValueError (its name).
    except (
        OSError,
        asyncio.IncompleteReadError,
        asyncio.LimitOverrunError,
        ValueError,
        OverflowError,
    ) as e:
        return Health(name, False, str(e) or type(e).__name__)
    seconds = time.monotonic() - began
    protocol, _, status = line.partition(" ")
    code = status[:3]
    if protocol != "SIP/2.0" or not (code.isascii() and code.isdecimal()):
        return Health(name, False, "what answers speaks no SIP", seconds)
    return Health(name, int(code) not in _CANNOT_SERVE, status.strip(), seconds, other_name)


async def keep_asking(trunks: Mapping[str, OutboundTrunk], every: float) -> None:
    """Ask again and again, until cancelled, and print what has changed.

    Args:
        trunks: The outbound trunks, by name.
        every: Seconds from one time to the next.
    """
    told: dict[str, str] = {}
    while True:
        for health in await look(trunks):
            if told.get(health.trunk) != health.state:
                print(health, flush=True)
            told[health.trunk] = health.state
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


async def _by_stream(host: str, port: int, context: ssl.SSLContext | None) -> str:
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_LONGEST)
    try:
        own = writer.get_extra_info("sockname")[:2]
        writer.write(_request("TLS" if context else "TCP", (host, port), own))
        await writer.drain()
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
            line = head.partition("\r\n")[0]
            if not line.startswith("SIP/2.0 1"):
                return line
    finally:
        writer.close()
