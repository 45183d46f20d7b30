"""Where livekit-server is: for this process, and as seen from a browser."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from agent.origin import is_loopback


class LiveKitError(Exception):
    """The environment does not say how to reach livekit-server; the text says what to set."""


@dataclass(frozen=True)
class LiveKit:
    """Address and credentials of livekit-server.

    Args:
        url: Address for this process (``LIVEKIT_URL``).
        api_key: ``LIVEKIT_API_KEY``.
        api_secret: ``LIVEKIT_API_SECRET``; signs tokens here and goes nowhere else.
        public_url: Address for browsers (``LIVEKIT_PUBLIC_URL``), where it differs.
    """

    url: str
    api_key: str
    api_secret: str = field(repr=False)
    public_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the ``LIVEKIT_*`` variables.

        Raises:
            LiveKitError: One is missing or is not an address.
        """
        names = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
        missing = [name for name in names if not environment.get(name)]
        if missing:
            raise LiveKitError(
                f"{' and '.join(missing)} must be set: the page hands out tickets to that "
                "livekit-server (`make demo` sets all of them)."
            )
        public = environment.get("LIVEKIT_PUBLIC_URL") or None
        for name, url in (
            ("LIVEKIT_URL", environment["LIVEKIT_URL"]),
            ("LIVEKIT_PUBLIC_URL", public),
        ):
            if url and not (urlsplit(url).scheme in _SOCKET and urlsplit(url).hostname):
                raise LiveKitError(
                    f"{name}={url!r} is not the address of a livekit-server: "
                    "write it like ws://127.0.0.1:7880 or wss://livekit.example.org."
                )
        return cls(
            url=environment["LIVEKIT_URL"],
            api_key=environment["LIVEKIT_API_KEY"],
            api_secret=environment["LIVEKIT_API_SECRET"],
            public_url=public,
        )

    def seen_from(self, host: str, *, secure: bool) -> str:
        """The WebSocket address that a page opened at ``host`` should use.

        ``LIVEKIT_PUBLIC_URL`` wins. Without it, a ``LIVEKIT_URL`` on this machine's loopback
        is of no use to a browser on another one, so the name by which the page itself was
        reached takes its place; any other address is taken to be valid everywhere.

        Args:
            host: Host name of the page, without port.
            secure: Whether the page came by HTTPS, which forbids a plain ``ws:`` elsewhere.
        """
        parts = urlsplit(self.public_url or self.url)
        parts = parts._replace(scheme=_SOCKET[parts.scheme])
        if self.public_url or not is_loopback(parts.hostname or "") or is_loopback(host):
            return urlunsplit(parts)
        port = f":{parts.port}" if parts.port else ""
        name = f"[{host}]" if ":" in host else host
        return urlunsplit(parts._replace(netloc=name + port, scheme="wss" if secure else "ws"))


_SOCKET = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}
