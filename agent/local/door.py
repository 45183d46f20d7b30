"""Who may ask a stand-in engine: programs of this machine that have the stack's key, no web site.

vLLM reads its key from the same variable. Without one, whatever runs on this machine may ask.
"""

from __future__ import annotations

import hmac
import os

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.origin import OwnNames, deny, names_of, same_origin

from .errors import APIError

KEY = "VLLM_API_KEY"
"""Environment variable: the bearer token that every request has to carry, ``/health`` apart."""


def key() -> str | None:
    """The key that is asked for; None if there is none."""
    return os.environ.get(KEY) or None


def closed_to_sites(app: ASGIApp, host: str) -> ASGIApp:
    """The application behind all that is asked of a request.

    Args:
        app: The engine's own.
        host: The address that it listens on.
    """
    return OwnNames(Door(app, key()), names_of(host))


class Door:
    """Refuses pages of web sites (403), and whoever has not the key (401).

    Args:
        app: The application behind it.
        key: The key; None if nobody has to have one.
    """

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in."""
        if scope["type"] in ("http", "websocket") and (error := self._refusal(scope)):
            await deny(error.response(), scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> APIError | None:
        request = HTTPConnection(scope)
        # A POST of text/plain needs no leave of ours, and would keep the engine busy unread.
        if not same_origin(request):
            return APIError("Web sites are not answered.", status=403, type="PermissionDeniedError")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._key and scope["path"] != "/health" and not same(given, self._key):
            return APIError(f"Send the key of {KEY}.", status=401, type="AuthenticationError")
        return None


def same(given: str, key: str) -> bool:
    """Whether a key is the right one, in a time that does not tell how much of it is."""
    return hmac.compare_digest(given.encode(), key.encode())
