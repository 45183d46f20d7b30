"""Keys that are too well known, or too short, to stand between a network and a server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from .origin import is_loopback

SHORTEST_SECRET = 32
"""Characters of LiveKit's secret: it signs tickets with HMAC-SHA256, whose key has as many bytes.
LiveKit only logs that a shorter one is too short, and its documentation's is `secret`."""
SHORTEST_KEY = 16
"""Characters of a key that is guessed over the network, slowed down after each wrong guess."""


class KeyRefusedError(Exception):
    """A key does not keep anybody out; the text says which and how to make a better one."""


def check_secret(secret: str, *, open_to: str) -> None:
    """Refuse a secret of LiveKit's by which anybody could sign tickets.

    Args:
        secret: ``LIVEKIT_API_SECRET``.
        open_to: The address at which what it opens can be reached.

    Raises:
        KeyRefusedError: It is too short, and others reach that address.
    """
    if len(secret) < SHORTEST_SECRET and not is_loopback(open_to):
        raise KeyRefusedError(
            f"LIVEKIT_API_SECRET has {len(secret)} characters and is used beyond this machine "
            f"({open_to}), where anybody who guesses it enters every room: make one of "
            f"{SHORTEST_SECRET} or more, as by `openssl rand -hex 32`."
        )


def check_agent(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to serve rooms of a livekit-server whose secret is known to everybody.

    Raises:
        KeyRefusedError: The secret is too short for a server beyond this machine.
    """
    url, secret = environment.get("LIVEKIT_URL"), environment.get("LIVEKIT_API_SECRET")
    if url and secret:  # or LiveKit says what is missing
        check_secret(secret, open_to=urlsplit(url).hostname or "")


def check_key(key: str, *, name: str) -> None:
    """Refuse a key that can be guessed.

    Args:
        key: The key.
        name: The setting that holds it.

    Raises:
        KeyRefusedError: It is too short.
    """
    if len(key) < SHORTEST_KEY:
        raise KeyRefusedError(
            f"{name} has {len(key)} characters, which can be guessed: make one of {SHORTEST_KEY} "
            "or more, as by `openssl rand -hex 16`."
        )
