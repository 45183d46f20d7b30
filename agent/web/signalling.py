"""LiveKit's signalling at the page's own address.

A browser then needs one address and one certificate, and livekit-server's port stays closed to the
network. Media go their own way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from yarl import URL

from agent.origin import same_origin
from agent.refusal import refusal

PREFIX = "/livekit"
"""Below it is what livekit-server has below its own address."""

LARGEST = 256 * 1024
"""Messages are shorter, in bytes; the description of a session has some 10,000."""

# livekit-server is on the same machine or beside it, and makes a room within milliseconds.
_ANSWER_SECONDS = 5.0

# A browser that takes nothing for so long is gone, though nobody has said so.
_TAKE_SECONDS = 20.0

# Why a ticket was refused, in words. Bytes.
_LONGEST_REASON = 4096

# Why it is over, its last message has said.
_GOING_AWAY = 1001


class Signalling:
    """Passes on what a ticket holder and livekit-server say to each other.

    Nobody gets further here than at livekit-server's own port: it looks at the ticket, and only the
    paths by which one enters a room are passed on, none of its API.

    Args:
        url: Address of livekit-server.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        scheme = "https" if parts.scheme in ("wss", "https") else "http"
        self._url = parts._replace(scheme=scheme, path=parts.path.rstrip("/")).geturl()
        self._session: aiohttp.ClientSession | None = None
        self.routes: list[BaseRoute] = [
            each
            for path in ("/rtc", "/rtc/v1")
            for each in (
                Route(f"{PREFIX}{path}/validate", self._validate),
                WebSocketRoute(f"{PREFIX}{path}", self._enter),
            )
        ]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Be able to pass on; all connections to livekit-server end with it."""
        # Each conversation holds a connection for as long as it lasts; aiohttp's own limit is 100.
        everyone = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=everyone) as self._session:
            yield

    async def _validate(self, request: Request) -> Response:
        """Why a ticket is refused, which a browser does not tell of a WebSocket."""
        assert self._session is not None
        if not same_origin(request):
            return _other_site()
        try:
            async with (
                asyncio.timeout(_ANSWER_SECONDS),
                self._session.get(
                    self._there(request), headers=_passed_on(request), allow_redirects=False
                ) as answer,
            ):
                reason = await answer.content.read(_LONGEST_REASON)
                return Response(reason, answer.status, media_type="text/plain")
        except (aiohttp.ClientError, TimeoutError):
            return _unreachable()

    async def _enter(self, browser: WebSocket) -> None:
        assert self._session is not None
        if not same_origin(browser):
            await browser.send_denial_response(_other_site())
            return
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                server = await self._session.ws_connect(
                    self._there(browser), headers=_passed_on(browser), max_msg_size=LARGEST
                )
        except aiohttp.WSServerHandshakeError as e:
            await browser.send_denial_response(Response(status_code=e.status))
            return
        except (aiohttp.ClientError, TimeoutError):
            await browser.send_denial_response(_unreachable())
            return
        async with server:
            await browser.accept()
            both = [
                asyncio.create_task(_up(browser, server)),
                asyncio.create_task(_down(server, browser)),
            ]
            try:
                done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    each.result()
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)

    def _there(self, request: HTTPConnection) -> URL:
        path, query = request.url.path.removeprefix(PREFIX), request.url.query
        return URL(f"{self._url}{path}?{query}", encoded=True)


async def _up(browser: WebSocket, server: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(ConnectionError):  # the server is gone, which _down says
        while (message := await browser.receive())["type"] == "websocket.receive":
            if (data := message.get("bytes")) is not None:
                await server.send_bytes(data)
            else:
                await server.send_str(message["text"])


async def _down(server: aiohttp.ClientWebSocketResponse, browser: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):  # the browser is gone
        async for message in server:
            async with asyncio.timeout(_TAKE_SECONDS):
                if message.type is aiohttp.WSMsgType.BINARY:
                    await browser.send_bytes(message.data)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    await browser.send_text(message.data)
        await browser.close(_GOING_AWAY)


def _passed_on(request: HTTPConnection) -> dict[str, str]:
    """The ticket, where it comes as a header, as from LiveKit's libraries for programs.

    Cookies are for the page alone.
    """
    ticket = request.headers.get("authorization")
    return {"Authorization": ticket} if ticket else {}


def _other_site() -> Response:
    return refusal(403, "other_site", "Rooms are entered from this site's own page only.")


def _unreachable() -> Response:
    return refusal(503, "no_server", "The LiveKit server does not answer.")
