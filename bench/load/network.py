"""A network that loses packets and is late with others, between the callers and everything else.

The callers are in a network namespace of their own. All that leads out of it is a pair of TUN
devices, and what carries packets from one to the other is this process: it loses and delays media
(UDP) as ``tc netem`` would, on kernels without it too. For root on Linux.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

_TUNSETIFF = 0x400454CA
_TUN, _NO_HEADER = 0x0001, 0x1000
_LONGEST = 65536
_UDP = 17
HERE, THERE = "10.213.77.1", "10.213.77.2"
"""Addresses of this end and of the callers'; the agent, its engines and livekit-server are here."""


@dataclass(frozen=True)
class Impairment:
    """What happens to packets of media, in each direction."""

    loss: float
    """Share that is lost, 0 to 1."""
    jitter: float
    """Seconds by which a packet is late at most; all delays are as likely, so packets overtake."""


@contextlib.asynccontextmanager
async def namespace(impairment: Impairment) -> AsyncIterator[Sequence[str]]:
    """Make a namespace whose network is bad.

    Yields:
        The beginning of a command that runs there.

    Raises:
        PermissionError: Only root may.
        RuntimeError: ``ip`` refuses.
    """
    name = f"parley-load-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        near, far = _device("parley-near", stack), _device("parley-far", stack)
        await _ip("netns", "add", name)
        try:
            await _ip("link", "set", "parley-far", "netns", name)
            await _ip("addr", "add", HERE, "peer", THERE, "dev", "parley-near")
            await _ip("-n", name, "addr", "add", THERE, "peer", HERE, "dev", "parley-far")
            await _ip("link", "set", "parley-near", "up")
            for device in ("lo", "parley-far"):
                await _ip("-n", name, "link", "set", device, "up")
            with _carrying(near, far, impairment):
                yield ("ip", "netns", "exec", name)
        finally:
            await _ip("netns", "del", name)


def _device(name: str, stack: contextlib.ExitStack) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    stack.callback(os.close, device)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TUN | _NO_HEADER))
    return device


@contextlib.contextmanager
def _carrying(near: int, far: int, impairment: Impairment) -> Iterator[None]:
    loop, rng = asyncio.get_running_loop(), random.Random(1)
    late: set[asyncio.TimerHandle] = set()

    def deliver(target: int, packet: bytes) -> None:
        late.difference_update([each for each in late if each.when() <= loop.time()])
        _write(target, packet)

    def carry(source: int, target: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while packet := os.read(source, _LONGEST):
                if not is_media(packet):
                    _write(target, packet)
                elif rng.random() >= impairment.loss:
                    delay = rng.uniform(0.0, impairment.jitter)
                    late.add(loop.call_later(delay, deliver, target, packet))

    loop.add_reader(near, carry, near, far)
    loop.add_reader(far, carry, far, near)
    try:
        yield
    finally:
        loop.remove_reader(near)
        loop.remove_reader(far)
        for timer in late:  # or it would write to what has the descriptor next
            timer.cancel()


def is_media(packet: bytes) -> bool:
    """Whether an IP packet is UDP; signalling and engines use TCP."""
    return packet[0] >> 4 == 4 and packet[9] == _UDP


def _write(device: int, packet: bytes) -> None:
    with contextlib.suppress(OSError):  # a queue that is full, or the network is being taken down
        os.write(device, packet)


async def _ip(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec("ip", *arguments, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {errors.decode().strip()}")
