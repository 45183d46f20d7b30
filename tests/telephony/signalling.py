"""A telephone reduced to its signalling: each message as a test wants it, and what came back.

baresip is a phone as people have them; it offers no odd From, holds nobody without a keyboard, and
says nothing of a response it did not expect.
"""

from __future__ import annotations

import asyncio
import audioop
import contextlib
import re
import socket
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled
from harness.softphone import free_port

_HEADER = 12
"""Bytes of an RTP packet before its sound."""
_RATE, _PIECE = 8000, 160
"""Hz of G.711, and its bytes in 20 ms."""
_EVENTS = 101
"""Payload type of keys."""
_SILENCE = b"\xff" * _PIECE
"""20 ms of nothing in µ-law."""

SDP = """v=0
o=u 1 {version} IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP {payloads}
a=rtpmap:101 telephone-event/8000
a={direction}
"""


@dataclass(frozen=True)
class Message:
    """A request or a response."""

    first: str
    headers: dict[str, str]
    """By their names in lower case; of several of one name the first."""
    text: str

    @property
    def status(self) -> int:
        """Of a response; 0 of a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """Of the request, or of that which it answers."""
        return self.headers["cseq"].split()[1] if self.status else self.first.split()[0]

    @classmethod
    def read(cls, packet: bytes) -> Message:
        """One from a packet."""
        text = packet.decode(errors="replace")
        head = text.partition("\r\n\r\n")[0].split("\r\n")
        headers: dict[str, str] = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        return cls(head[0], headers, text)


class Caller(asyncio.DatagramProtocol):
    """One call. Made by :func:`caller`."""

    def __init__(self, service: int, number: str, shown: str, more: str) -> None:
        self.received: list[Message] = []
        self.packets = self.loud = 0
        """Packets that came, and those of them with more than silence."""
        self.accepts = "202 Accepted"
        """What the other end is answered that asks for a transfer."""
        self.refer = "SIP/2.0 200 OK"
        """How that goes, as NOTIFY has it; it is never told if empty."""
        self._service, self._more = service, more
        self._sound: deque[tuple[int, bytes]] = deque()
        """Payload types and payloads that are sent next, 20 ms each."""
        self._uri = f"sip:{number}@127.0.0.1:{service}"
        self._from = f"{shown};tag={uuid.uuid4().hex[:8]}"
        self._to = f"<{self._uri}>"
        self._id = uuid.uuid4().hex
        self._sequence, self._branch, self._version = 0, "", 0
        self._port = 0
        self._held = False
        self._media: socket.socket | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._grown = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    @property
    def statuses(self) -> list[int]:
        """Of all responses to INVITE, in order."""
        return self.said("INVITE")

    @property
    def ended(self) -> bool:
        """Whether the other end has hung up."""
        return any(m.method == "BYE" and not m.status for m in self.received)

    def invite(self, direction: str = "sendrecv", payloads: str = "0 101") -> None:
        """Call, or within a call say anew what is sent and wanted."""
        self._version += 1
        assert self._media
        body = SDP.format(
            version=self._version,
            port=self._media.getsockname()[1],
            payloads=payloads,
            direction=direction,
        )
        self._send("INVITE", body.replace("\n", "\r\n"), self._more)

    def hold(self, direction: str = "sendonly") -> None:
        """Ask the other end to be silent; nothing is sent meanwhile."""
        self._held = True
        self.invite(direction)

    def resume(self) -> None:
        """Go on after it was held."""
        self._held = False
        self.invite()

    def speak(self, words: Samples) -> None:
        """Say something, in place of silence."""
        coded = audioop.lin2ulaw(resampled(words, SAMPLE_RATE, _RATE).tobytes(), 2)
        self._sound += [(0, coded[i : i + _PIECE]) for i in range(0, len(coded) - _PIECE, _PIECE)]

    def press(self, digit: str) -> None:
        """Press a key (RFC 4733)."""
        event = "0123456789*#".index(digit)
        for i in range(1, 6):
            length = (_PIECE * i).to_bytes(2, "big")
            self._sound.append((_EVENTS, bytes((event, 0x0A if i < 5 else 0x8A)) + length))

    def cancel(self) -> None:
        """Give up before it is answered."""
        self._send("CANCEL")

    def hang_up(self) -> None:
        """End the call."""
        self._send("BYE")

    def ask(self) -> None:
        """Ask whether the service is there, as an exchange does now and then."""
        self._send("OPTIONS")

    def said(self, method: str) -> list[int]:
        """Statuses of all responses to a method, in order."""
        return [m.status for m in self.received if m.status and m.method == method]

    async def until(self, condition: Callable[[], object], within: float = 30.0) -> None:
        """Wait for something.

        Raises:
            TimeoutError: It did not come in time; the text is what came.
        """
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self._grown.clear()
                    await self._grown.wait()
        except TimeoutError:
            came = [m.first for m in self.received]
            raise TimeoutError(f"not within {within} s; there came {came}") from None

    async def answered(self, within: float = 30.0) -> None:
        """Wait for 200."""
        await self.until(lambda: 200 in self.statuses, within)

    async def until_quiet(self) -> None:
        """Wait until nothing is heard for a second and a half."""
        before = -1
        while before != self.loud:
            before = self.loud
            await asyncio.sleep(1.5)

    async def until_heard(self, within: float = 30.0) -> None:
        """Wait until something is heard from now on."""
        before = self.loud
        async with asyncio.timeout(within):
            while self.loud < before + 5:
                await asyncio.sleep(0.05)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, _: object) -> None:
        """Take a message, and answer it as a phone does."""
        message = Message.read(data)
        self.received.append(message)
        self._grown.set()
        if not message.status:
            self._obey(message)
        elif message.method == "INVITE" and message.status >= 200:
            self._to = message.headers["to"]
            self._send("ACK", same=message.status >= 300)
            if message.status == 200 and self._sending is None:
                found = re.search(r"m=audio (\d+)", message.text)
                assert found
                self._sending = asyncio.create_task(self._talk(int(found[1])))

    async def aclose(self) -> None:
        """Stop."""
        if self._sending:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._transport:
            self._transport.close()
        if self._media:
            self._media.close()

    def open_media(self) -> None:
        """Take a port for the sound."""
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind(("127.0.0.1", 0))
        self._media.setblocking(False)

    def _obey(self, request: Message) -> None:
        kept = ("via", "from", "to", "call-id", "cseq")
        status = self.accepts if request.method == "REFER" else "200 OK"
        if request.method == "ACK":
            return
        lines = [f"SIP/2.0 {status}", *(f"{name}: {request.headers[name]}" for name in kept)]
        self._put([*lines, "Content-Length: 0"])
        if request.method == "REFER" and self.refer and self.accepts.startswith("2"):
            more = "Event: refer\r\nSubscription-State: terminated\r\nContent-Type: message/sipfrag"
            self._send("NOTIFY", self.refer + "\r\n", more)

    def _send(self, method: str, body: str = "", more: str = "", same: bool = False) -> None:
        # CANCEL and the ACK of a refusal belong to the request that they are about.
        if method not in ("ACK", "CANCEL"):
            self._sequence += 1
        if not (same or method == "CANCEL"):
            self._branch = f"z9hG4bK{uuid.uuid4().hex}"
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch={self._branch};rport",
            f"From: {self._from}",
            f"To: {self._to}",
            f"Call-ID: {self._id}",
            f"CSeq: {self._sequence} {method}",
            f"Contact: <sip:u@127.0.0.1:{self._port}>",
            "Max-Forwards: 70",
            *more.splitlines(),
            *(["Content-Type: application/sdp"] if method == "INVITE" else []),
            f"Content-Length: {len(body)}",
        ]
        self._put(lines, body)

    def _put(self, lines: list[str], body: str = "") -> None:
        assert self._transport
        packet = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
        self._transport.sendto(packet, ("127.0.0.1", self._service))

    async def _talk(self, port: int) -> None:
        """Send silence, and count what comes: a line without a packet is over after a while."""
        assert self._media
        number = at = 0
        while True:
            kind, payload = self._sound.popleft() if self._sound else (0, _SILENCE)
            if kind != _EVENTS or payload[2:] == _PIECE.to_bytes(2, "big"):
                at = number * _PIECE  # of a key it stays that of its beginning
            header = bytes((0x80, kind)) + number.to_bytes(2, "big")
            header += at.to_bytes(4, "big") + b"\0\0\0\1"
            if not self._held:
                self._media.sendto(header + payload, ("127.0.0.1", port))
            number = (number + 1) % 65536
            with contextlib.suppress(BlockingIOError):
                while packet := self._media.recv(2048):
                    self.packets += 1
                    # The upper half of what µ-law can tell, whatever the sign.
                    self.loud += any(each & 0x70 < 0x40 for each in packet[_HEADER:])
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def caller(
    service: int,
    number: str = "100",
    shown: str = "<sip:+441632960100@127.0.0.1>",
    more: str = "",
) -> AsyncIterator[Caller]:
    """Somebody who can call the SIP service.

    Args:
        service: Its port.
        number: The number that is called.
        shown: What From says, without a tag.
        more: More headers of INVITE, a line each.
    """
    made = Caller(service, number, shown, more)
    made.open_media()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: made, ("127.0.0.1", free_port()))
    try:
        yield made
    finally:
        await made.aclose()
