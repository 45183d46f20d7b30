"""The bad network of the load benchmark: it loses and delays what is UDP, and nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import pytest

from bench.load.network import HERE, Impairment, is_media, namespace

_SENDER = f"""
import socket, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(400):
    udp.sendto(i.to_bytes(2, "big"), ("{HERE}", int(PORT)))
    time.sleep(0.0005)
time.sleep(0.2)  # ten times what the last of them can be late
tcp = socket.create_connection(("{HERE}", int(PORT)), timeout=10)
tcp.sendall(b"x" * 100_000)
tcp.close()
"""


@pytest.mark.parametrize(("protocol", "media"), [(17, True), (6, False), (1, False)])
def test_media_is_told_by_its_protocol(protocol: int, media: bool) -> None:
    packet = bytearray(40)
    packet[0], packet[9] = 0x45, protocol
    assert is_media(bytes(packet)) is media


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/net/tun"), reason="namespaces are for root"
)
async def test_half_of_the_packets_are_lost_and_the_others_overtake_each_other() -> None:
    got: list[int] = []

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            got.append(int.from_bytes(data, "big"))

    loop = asyncio.get_running_loop()
    async with namespace(Impairment(loss=0.5, jitter=0.02)) as where:
        transport, _ = await loop.create_datagram_endpoint(Receiver, (HERE, 0))
        port = transport.get_extra_info("sockname")[1]
        received = asyncio.Queue[int]()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.put_nowait(len(await reader.read(-1)))
            writer.close()

        server = await asyncio.start_server(take, HERE, port, family=socket.AF_INET)
        code = _SENDER.replace("PORT", str(port))
        sender = await asyncio.create_subprocess_exec(*where, sys.executable, "-c", code)
        async with asyncio.timeout(20):
            assert await received.get() == 100_000
            assert await sender.wait() == 0
        server.close()
        transport.close()
    assert 120 < len(got) < 280
    assert got != sorted(got)
