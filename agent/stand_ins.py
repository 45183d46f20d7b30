"""Where this machine's own engines are: small models on its processor, in place of GPU services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import HttpUrl

from .serving import port_of

EngineName = Literal["llm", "stt", "tts"]

ENGINES: tuple[EngineName, ...] = get_args(EngineName)

USUAL_PORTS: Mapping[EngineName, int] = {"llm": 8101, "stt": 8102, "tts": 8103}
"""Their ports where no variable moves them; the addresses by which profiles name them."""

_LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})


ROOMS_PER_CORE = 1.0
"""Conversations for each core that has them. On two busy cores two were held; of six, five heard
nothing for a minute and a half."""


def own_ports() -> dict[EngineName, int]:
    """Where they are, by the environment; ends the program if a variable has no port number."""
    return {name: port_of(f"PARLEY_PORT_{name.upper()}", USUAL_PORTS[name]) for name in ENGINES}


def is_at(url: HttpUrl, *ports: int) -> bool:
    """Whether an address is on this machine, at one of some ports."""
    return url.host in _LOCAL and url.port in ports
