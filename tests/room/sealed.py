"""Hold a conversation inside a network that leads nowhere, and list what tried to leave.

Run as ``unshare --net python -m tests.room.sealed``: the new network namespace has a loopback
interface and, as its only way out, a TUN device whose other end is this process. Whatever is not
for this machine arrives there as a packet, is answered by nobody, and is written down.
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import json
import os
import secrets
import struct
import subprocess
import sys

import httpx

from agent.stack import Stack
from harness import speech
from harness.caller import join
from harness.turn import ask

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_DEVICE = "out0"


def open_way_out() -> int:
    """Make the namespace's only route end here; returns the device's file descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    for command in (
        "link set lo up",
        f"addr add 192.0.2.1/24 dev {_DEVICE}",  # a documentation network: nobody's
        f"link set {_DEVICE} up",
        f"route add default dev {_DEVICE}",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    return device


def destination(packet: bytes) -> str | None:
    """Where a packet was going, or None if the kernel sent it on its own (router discovery)."""
    if packet[0] >> 4 == 6:
        address = ipaddress.ip_address(packet[24:40])
        return None if address.is_multicast else f"{address} (IPv6)"
    address = ipaddress.ip_address(packet[16:20])
    protocol, header = packet[9], (packet[0] & 15) * 4
    if protocol == 2:  # IGMP: the kernel's own report of multicast groups
        return None
    port = int.from_bytes(packet[header + 2 : header + 4])
    if port == 53:
        return f"look-up of {asked(packet[header + 8 :])}"
    return f"{address}:{port} (protocol {protocol})"


def asked(message: bytes) -> str:
    """The name in a DNS question: a chain of labels, each after its length (RFC 1035, 4.1.2)."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode(errors="replace"))
        at += 1 + message[at]
    return ".".join(labels)


async def main() -> None:
    """Converse; print what left as JSON."""
    device = open_way_out()
    left: asyncio.Queue[str] = asyncio.Queue()

    def on_packet() -> None:
        found = destination(os.read(device, 65536))
        if found:
            left.put_nowait(found)

    asyncio.get_running_loop().add_reader(device, on_packet)
    # The watch itself is watched: a packet that does leave must be seen.
    probe, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("198.51.100.7", 9)
    )
    probe.sendto(b"?")
    seen_probe = await left.get()
    probe.close()
    os.environ["VLLM_API_KEY"] = secrets.token_urlsafe(32)  # as `make demo` has one
    async with Stack() as stack, join(stack.server, "sealed", language="en") as caller:
        await caller.until("listening", within=60)
        await caller.answer(after=0.0)
        question = await speech.utterance(
            stack.tts_url,
            "What is the capital of France?",
            language="en",
            voice=speech.VOICES["en"][0],
        )
        turn = await ask(caller, question)
        asked = await ask_as_a_web_site(stack)
    packets = [left.get_nowait() for _ in range(left.qsize())]
    told = {"answer": turn.answer, "probe": seen_probe, "left": packets, "site": asked}
    json.dump(told, sys.stdout)


async def ask_as_a_web_site(stack: Stack) -> dict[str, object]:
    """What a page of another site gets from each engine: the status, and leave to read it."""
    found: dict[str, object] = {}
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    async with httpx.AsyncClient(headers=headers, timeout=10) as http:
        for address in (
            f"{stack.llm_url}/chat/completions",
            f"{stack.stt_url}/audio/transcriptions",
            f"{stack.tts_url}/audio/speech",
        ):
            for method in ("POST", "OPTIONS"):
                response = await http.request(method, address, content='{"input": "Hi."}')
                leave = response.headers.get("access-control-allow-origin")
                found[f"{method} {address.rpartition('/v1/')[2]}"] = (response.status_code, leave)
    return found


if __name__ == "__main__":
    asyncio.run(main())
