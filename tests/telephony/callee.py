"""Somebody who is called, reduced to signalling: refuses, rings, says nothing, or hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator
from typing import cast

from .signalling import SDP, Message


class Callee(asyncio.DatagramProtocol):
    """A phone that is called. Made by :func:`callee`.

    Args:
        answer: What INVITE is answered with, such as ``486 Busy Here``, ``180 Ringing`` or
            ``200 OK``; nothing if empty.
        media: The port at which it would hear.
    """

    def __init__(self, answer: str, media: int) -> None:
        self.received: list[Message] = []
        self._answer, self._media = answer, media
        self._tag = uuid.uuid4().hex[:8]
        self._invite: Message | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._caller: tuple[str, int] = ("", 0)

    def count(self, method: str) -> int:
        """How many requests of a method have come; one that was sent again counts again."""
        return sum(m.method == method and not m.status for m in self.received)

    @property
    def taken(self) -> bool:
        """Whether the call is established."""
        return self._answer.startswith("200") and self.count("ACK") > 0

    def hang_up(self) -> None:
        """End the call that was taken."""
        assert self._invite
        headers = self._invite.headers
        # Towards the caller From and To change places.
        lines = [
            f"BYE {headers['contact'].strip('<>').partition('>')[0]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{uuid.uuid4().hex};rport",
            f"From: {headers['to']};tag={self._tag}",
            f"To: {headers['from']}",
            f"Call-ID: {headers['call-id']}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        self._put(lines)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Take a message, and answer as it was told to."""
        message = Message.read(data)
        self.received.append(message)
        self._caller = address
        if message.status or message.method == "ACK" or not self._answer:
            return
        if message.method == "INVITE":
            self._invite = message
            self._reply(message, self._answer, taken=self._answer.startswith("200"))
            return
        self._reply(message, "200 OK")
        if message.method == "CANCEL" and self._invite:
            self._reply(self._invite, "487 Request Terminated")

    def close(self) -> None:
        """Stop."""
        if self._transport:
            self._transport.close()

    def _reply(self, request: Message, status: str, *, taken: bool = False) -> None:
        lines = [f"SIP/2.0 {status}"]
        lines += [f"{name}: {request.headers[name]}" for name in ("via", "from", "call-id", "cseq")]
        lines.append(f"to: {request.headers['to']};tag={self._tag}")
        body = ""
        if taken:
            body = SDP.format(version=1, port=self._media, payloads="0 101", direction="sendrecv")
            body = body.replace("\n", "\r\n")
            lines += [f"Contact: <sip:u@127.0.0.1:{self._port}>", "Content-Type: application/sdp"]
        self._put([*lines, f"Content-Length: {len(body)}"], body)

    def _put(self, lines: list[str], body: str = "") -> None:
        assert self._transport
        self._transport.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self._caller)


@contextlib.asynccontextmanager
async def callee(port: int, answer: str) -> AsyncIterator[Callee]:
    """Somebody who can be called.

    Args:
        port: Where.
        answer: As for :class:`Callee`.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind(("127.0.0.1", 0))
        made = Callee(answer, media.getsockname()[1])
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: made, ("127.0.0.1", port))
        try:
            yield made
        finally:
            made.close()
