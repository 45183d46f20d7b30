"""Under which names a server may be asked for, and by whose pages.

A browser lets any site send requests to this machine, and a site that has its own name point here
(DNS rebinding) may read the answers, too. What gives it away is the ``Host`` that it asks for and
the ``Origin`` that it comes from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from .refusal import refusal

HOSTS = "PARLEY_HOSTS"
"""Environment variable: further names of a server that listens on this machine alone, with commas
between them, such as the one under which a proxy with a certificate is reached."""

MEDIA_ADDRESS = "PARLEY_MEDIA_ADDRESS"
"""Environment variable: the address at which browsers reach this machine, where it listens on
another one, as in a container."""


class HostsError(Exception):
    """A name in :data:`HOSTS` cannot be one."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, and nobody else reaches it there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return _is_localhost(host)


def names_of(listens: str, *more: str | None) -> frozenset[str] | None:
    """The names that a server answers to besides addresses and localhost; None for any name.

    A server that is open to a network is reached under names that only its network knows.

    Args:
        listens: The address that it listens on.
        more: Names that other settings give it.

    Raises:
        HostsError: :data:`HOSTS` holds something that is not a name.
    """
    named = [name.strip().lower() for name in os.environ.get(HOSTS, "").split(",") if name.strip()]
    for name in named:
        if host_of(name) != name:
            raise HostsError(f"{HOSTS} has {name!r}: write names without scheme, port and path.")
    if not named and not is_loopback(listens):
        return None
    return frozenset([*named, *(name.lower() for name in more if name)])


def host_of(authority: str) -> str | None:
    """The host of a ``Host`` header, in lower case, without its port; None if it is malformed."""
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port  # or it would be read, and refused, only later
    except ValueError:
        return None
    if parts.netloc != authority or parts.username is not None:
        return None
    return parts.hostname


def is_named(authority: str, names: Iterable[str]) -> bool:
    """Whether a ``Host`` header is that of a server with these names.

    An address is always: no site can have a page of its own under it.
    """
    host = host_of(authority)
    if host is None:
        return False
    try:
        ip_address(host)
    except ValueError:
        return _is_localhost(host) or host in names
    return True


def same_origin(request: HTTPConnection) -> bool:
    """Whether a request comes from a page of this server, or from no browser at all.

    Browsers send ``Sec-Fetch-Site`` to HTTPS and loopback hosts, and ``Origin`` with every POST and
    every WebSocket. A program that sends neither holds no user's cookies or network position to
    abuse.
    """
    site = request.headers.get("sec-fetch-site")
    # A WebSocket that a page of this server opens is "same-origin", one that a user opens "none".
    if site:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


class OwnNames:
    """Refuses what is asked for under a name that is not this server's (421).

    Args:
        app: The application behind it.
        names: As :func:`names_of` has them.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] | None) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is for this server."""
        if scope["type"] not in ("http", "websocket") or self._names is None:
            await self._app(scope, receive, send)
            return
        if is_named(HTTPConnection(scope).headers.get("host", ""), self._names):
            await self._app(scope, receive, send)
            return
        answer = refusal(
            421,
            "other_host",
            f"This server has other names: if this is one of them, set {HOSTS}.",
        )
        await deny(answer, scope, receive, send)


async def deny(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a refusal, to a WebSocket before it is opened."""
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")
