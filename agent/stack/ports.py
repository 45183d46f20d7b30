"""The ports of the stack: what each is for, which variable moves it, whether it is free."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from agent.origin import is_loopback
from agent.serving import not_listening
from agent.stand_ins import USUAL_PORTS

LOOPBACK = "127.0.0.1"


class PortError(Exception):
    """A port cannot be used; the text names it, its purpose and the variable that moves it."""


@dataclass(frozen=True)
class Port:
    """One port of the stack."""

    name: str
    default: int
    purpose: str
    kind: socket.SocketKind = socket.SOCK_STREAM
    public: bool = False
    """Whether it follows ``PARLEY_ADDRESS``; the others stay on this machine."""
    optional: bool = False
    """Whether it is open only where the address is beyond this machine, or its variable is set.
    It is then open at every address."""

    @property
    def variable(self) -> str:
        """The environment variable that moves it."""
        return f"PARLEY_PORT_{self.name.upper()}"


PORTS = (
    Port("web", 8080, "the web page", public=True),
    Port("livekit", 7880, "LiveKit's signalling"),
    Port("livekit_udp", 7882, "LiveKit's media over UDP", socket.SOCK_DGRAM, public=True),
    # Nothing blocks UDP within one machine, but a tunnel from another one takes TCP only.
    Port("livekit_tcp", 7881, "LiveKit's media over TCP", optional=True),
    Port("livekit_metrics", 6789, "LiveKit's metrics"),
    Port("agent", 8081, "the agent's health page", public=True),
    Port("metrics", 8082, "the agent's metrics", public=True),
    Port("llm", USUAL_PORTS["llm"], "the language model"),
    Port("stt", USUAL_PORTS["stt"], "the speech recogniser"),
    Port("tts", USUAL_PORTS["tts"], "the voice"),
)


def chosen(ports: Iterable[Port] = PORTS, address: str = LOOPBACK) -> dict[str, int]:
    """Read the ports from the environment, each its default where no variable is set.

    Args:
        ports: Which.
        address: Where the public ones will be open.

    Raises:
        PortError: A variable does not hold a port number.
    """
    opened = [
        port
        for port in ports
        if not port.optional or port.variable in os.environ or not is_loopback(address)
    ]
    return {port.name: _number(port) for port in opened}


def free(ports: Iterable[Port] = PORTS) -> dict[str, int]:
    """Choose ports that nothing uses, for a stack beside others."""
    with ExitStack() as held:  # all at once, so that no two are the same
        needed = [port for port in ports if not port.optional]
        return {port.name: _bind(port, LOOPBACK, 0, held) for port in needed}


def check(
    numbers: Mapping[str, int], address: str = LOOPBACK, ports: Iterable[Port] = PORTS
) -> None:
    """Make sure that every port can be used, before anything starts.

    Raises:
        PortError: Some cannot; one sentence for each.
    """
    if sentences := list(_taken(numbers, address, ports)):
        raise PortError("\n".join(sentences))


def _taken(numbers: Mapping[str, int], address: str, ports: Iterable[Port]) -> Iterator[str]:
    said: set[str] = set()
    with ExitStack() as held:
        for port in ports:
            if (number := numbers.get(port.name)) is None:
                continue
            try:
                _bind(port, _where(port, address), number, held)
            except OSError as e:
                where = _where(port, address)
                sentence = not_listening(e, where, number, port.purpose, port.variable)
                if sentence not in said:  # of an address it is the same for all
                    said.add(sentence)
                    yield sentence


def _where(port: Port, address: str) -> str:
    if port.optional:
        return "0.0.0.0"
    return address if port.public else LOOPBACK


def _bind(port: Port, address: str, number: int, held: ExitStack) -> int:
    bound = held.enter_context(socket.socket(socket.AF_INET, port.kind))
    if port.kind is socket.SOCK_STREAM:
        # As servers do: a port whose last connections are still winding down is free.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((address, number))
    if port.kind is socket.SOCK_STREAM:
        bound.listen()
    return int(bound.getsockname()[1])


def _number(port: Port) -> int:
    text = os.environ.get(port.variable, str(port.default))
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise PortError(
            f"{port.variable} = {text!r}, for {port.purpose}, is not a port number (1 to 65535)."
        )
    return int(text)
