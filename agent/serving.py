"""How our web servers are run: at which port, and whom they believe where a client is."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("parley")

PROXIES = "FORWARDED_ALLOW_IPS"
"""Environment variable of uvicorn's: addresses of the proxies whose ``X-Forwarded-For`` and
``X-Forwarded-Proto`` are believed, with commas between them."""


def port_of(variable: str, default: int) -> int:
    """The port that an environment variable names; ends the program if that is not one.

    Args:
        variable: Its name.
        default: The port where it is not set.
    """
    text = os.environ.get(variable, str(default))
    if not (text.isdecimal() and int(text) < 65536):
        sys.exit(f"{variable} = {text!r} is not a port number (0 to 65535; 0 is any free one).")
    return int(text)


def proxy_options() -> dict[str, Any]:
    """What uvicorn is to believe: nobody, unless :data:`PROXIES` names them.

    Its own default believes every program of this machine, also a proxy that only passes on what
    its clients claim: each could then choose the address that it is limited by.
    """
    proxies = os.environ.get(PROXIES, "").strip()
    return {"proxy_headers": bool(proxies), "forwarded_allow_ips": proxies or None}


class ProxyNotice:
    """Says once that a proxy is not believed, since all of its clients then count as one.

    Args:
        app: The application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._said = bool(os.environ.get(PROXIES, "").strip())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if not self._said and any(
            name == b"x-forwarded-for" for name, _ in scope.get("headers", ())
        ):
            self._said = True
            logger.warning(
                "a proxy names its clients and is not believed: if it is yours, set %s to its"
                " address, or they share the limits of one",
                PROXIES,
            )
        await self._app(scope, receive, send)
