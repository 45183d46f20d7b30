"""The HTTP client that both engines use, unless they are given one."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx

from .. import tls


def client(**options: Any) -> httpx.AsyncClient:
    """A client whose answers are read in UTF-8, whatever charset they name.

    JSON and server-sent events are in no other. Python knows charsets that no text is in ("hex",
    "undefined"), and fails at them with errors that are nobody's to expect.

    Args:
        **options: Those of the client.
    """
    return httpx.AsyncClient(verify=tls.context(), event_hooks={"response": [_in_utf8]}, **options)


async def _in_utf8(response: httpx.Response) -> None:
    response.encoding = "utf-8"
