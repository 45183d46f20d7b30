"""The body of a request, which a client may neither make as long as it likes nor take as long."""

from __future__ import annotations

import asyncio

from starlette.requests import Request


class BodyError(Exception):
    """A body is not read to its end; the text says why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


async def read_body(request: Request, *, most: int, within: float) -> bytes:
    """Read a body.

    Args:
        request: The request, of which nothing has been read.
        most: Its longest body, in bytes.
        within: Longest time for all of it, in seconds.

    Raises:
        BodyError: It is longer, or takes longer.
        starlette.requests.ClientDisconnect: The client went away.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(within):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise BodyError(413, "too_long", f"The request is longer than {most} bytes.")
    except TimeoutError as e:
        raise BodyError(408, "too_slow", f"The request was not all here after {within:g} s.") from e
    return bytes(body)
