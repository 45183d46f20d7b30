"""Where livekit-server is: for this process, and as seen from a browser."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from agent.livekit_server import Credentials, check_url
from agent.origin import is_loopback

from .signalling import PREFIX


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
        why = "the page hands out tickets to that livekit-server (`make demo` sets all of them)"
        server = Credentials.given(why, environment)
        public = environment.get("LIVEKIT_PUBLIC_URL") or None
        if public:
            check_url("LIVEKIT_PUBLIC_URL", public)
        return cls(server.url, server.key, server.secret, public)

    def seen_from(self, authority: str, *, secure: bool) -> str:
        """The WebSocket address that a page opened at ``authority`` should use.

        That is ``LIVEKIT_PUBLIC_URL``, or else ``LIVEKIT_URL``, unless its browser could send
        nothing there: then the page passes it on (:mod:`agent.web.signalling`). So it is with a
        ``LIVEKIT_URL`` on this machine's loopback, of no use on another one, and from a page that
        came by HTTPS with a plain ``ws:``, which browsers forbid.

        Args:
            authority: Host of the page, with its port.
            secure: Whether the page came by HTTPS.
        """
        parts = urlsplit(self.public_url or self.url)
        parts = parts._replace(scheme=_SOCKET[parts.scheme])
        here_only = self.public_url is None and is_loopback(parts.hostname or "")
        if here_only or (secure and parts.scheme == "ws"):
            return f"{'wss' if secure else 'ws'}://{authority}{PREFIX}"
        return urlunsplit(parts)


_SOCKET = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}
