"""The TLS context that all clients of a process share."""

from __future__ import annotations

import ssl
from functools import cache

import httpx2 as httpx


@cache
def context() -> ssl.SSLContext:
    """A context with the certificates that this machine trusts.

    To make one is to parse all of them, 25 ms of processor, and httpx would make one for each
    client and for each proxy that the environment names. Whoever forks processes that have clients
    calls this before.
    """
    return httpx.create_ssl_context()
