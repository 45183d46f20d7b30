"""How our web servers are run: at which port, and whom they believe where a client is."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import socket
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
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        sys.exit(f"{variable} = {text!r} is not a port number (0 to 65535; 0 is any free one).")
    return int(text)


def port_argument(text: str) -> int:
    """The port that an argument of a command names.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number (0 to 65535)")
    return int(text)


def check_port(
    address: str, port: int, purpose: str, variable: str, named: str = "PARLEY_ADDRESS"
) -> None:
    """End the program if a server cannot listen at an address.

    Args:
        address: The address.
        port: The port; 0 for any.
        purpose: What it is for.
        variable: What moves it: an environment variable, or an argument.
        named: What names the address.
    """
    try:
        [family, *_] = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        # As servers do: a port whose last connections are still winding down is free.
        socket.create_server((address, port), family=family).close()
    except OSError as e:
        sys.exit(not_listening(e, address, port, purpose, variable, named))


def not_listening(
    error: OSError,
    address: str,
    port: int,
    purpose: str,
    variable: str,
    named: str = "PARLEY_ADDRESS",
) -> str:
    """Why a server cannot listen at an address, and what to set.

    Args:
        error: What the system says.
        address: As for :func:`check_port`.
        port: As for :func:`check_port`.
        purpose: As for :func:`check_port`.
        variable: As for :func:`check_port`.
        named: As for :func:`check_port`.
    """
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{named} {address!r} is not an address of this machine (`hostname -I` lists them)."
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return (
        f"Port {port}, for {purpose}, cannot be used ({reason}): stop the program that has it, or "
        f"set {variable} to another port."
    )


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
