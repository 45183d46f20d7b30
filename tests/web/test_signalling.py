"""LiveKit's signalling through the page: what is passed on, to whom, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import uvicorn
from aiohttp import web

from agent.origin import names_of
from agent.web import create_app, signalling
from agent.web.livekit_url import LiveKit
from harness.asgi import served
from harness.livekit_server import free_port

SECRET = "a-secret-that-must-stay-on-the-server"
TICKET = "good"


class Upstream:
    """Stands in for livekit-server: it says what it was asked, then repeats what it hears."""

    def __init__(self) -> None:
        self.port = free_port()
        self.gone = asyncio.Event()
        self._app = web.Application()
        self._app.router.add_get("/{path:.*}", self._answer)

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        runner = web.AppRunner(self._app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if TICKET not in (given, request.query.get("access_token")):
            return web.Response(status=401, text="no such ticket")
        if request.headers.get("Upgrade") != "websocket":
            return web.Response(text="success")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(f"{request.raw_path} {request.headers.get('Cookie')}")
        async for message in socket:
            if message.data == "end":
                break
            if isinstance(message.data, bytes):
                await socket.send_bytes(message.data)
            else:
                await socket.send_str(message.data)
        self.gone.set()
        return socket


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def page(upstream: Upstream, tmp_path: Path) -> AsyncIterator[str]:
    """The page's own server, as `python -m agent.web` runs it; gives its address."""
    app = create_app(
        LiveKit(f"ws://127.0.0.1:{upstream.port}", "a-key", SECRET),
        client_library=tmp_path,
        max_rooms=10,
        rooms_per_address=10,
        names=names_of("127.0.0.1"),
    )
    port = free_port()
    config = uvicorn.Config(app, port=port, log_level="warning", ws_max_size=signalling.LARGEST)
    async with served(config):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Cookie": "session=secret"}) as session:
        yield session


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_both_sides_hear_each_other(
    upstream: Upstream, page: str, browser: aiohttp.ClientSession, path: str
) -> None:
    query = f"access_token={TICKET}&join_request=a%2Bb%3D"
    async with (
        upstream.served(),
        browser.ws_connect(f"{page}/livekit{path}?{query}") as socket,
    ):
        # Every sign of the query as it was, and no cookie of the page's.
        assert await socket.receive_str(timeout=5) == f"{path}?{query} None"
        await socket.send_bytes(b"\x00\x01")
        assert await socket.receive_bytes(timeout=5) == b"\x00\x01"
        await socket.send_str("你好")
        assert await socket.receive_str(timeout=5) == "你好"


async def test_a_ticket_in_a_header_is_passed_on(
    upstream: Upstream, page: str, browser: aiohttp.ClientSession
) -> None:
    ticket = {"Authorization": f"Bearer {TICKET}"}
    async with upstream.served():
        async with browser.ws_connect(f"{page}/livekit/rtc", headers=ticket) as socket:
            assert await socket.receive_str(timeout=5) == "/rtc None"
        async with browser.get(f"{page}/livekit/rtc/validate", headers=ticket) as answer:
            assert (answer.status, await answer.text()) == (200, "success")


async def test_who_ends_it_ends_it_for_both(
    upstream: Upstream, page: str, browser: aiohttp.ClientSession
) -> None:
    async with upstream.served():
        address = f"{page}/livekit/rtc/v1?access_token={TICKET}"
        async with browser.ws_connect(address) as socket:
            await socket.receive_str(timeout=5)
            await socket.send_str("end")
            assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        upstream.gone.clear()
        async with browser.ws_connect(address) as socket:
            await socket.receive_str(timeout=5)
        async with asyncio.timeout(5):
            await upstream.gone.wait()


async def test_a_wrong_ticket_is_refused_as_livekit_refuses_it(
    upstream: Upstream, page: str, browser: aiohttp.ClientSession
) -> None:
    async with upstream.served():
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.ws_connect(f"{page}/livekit/rtc/v1?access_token=bad")
        assert refused.value.status == 401
        asked = f"{page}/livekit/rtc/v1/validate?access_token=bad"
        async with browser.get(asked) as answer:
            assert (answer.status, await answer.text()) == (401, "no such ticket")


async def test_a_page_of_another_site_gets_nowhere(
    upstream: Upstream, page: str, browser: aiohttp.ClientSession
) -> None:
    async with upstream.served():
        for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
            query = f"access_token={TICKET}"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await browser.ws_connect(f"{page}/livekit/rtc?{query}", headers=headers)
            assert refused.value.status == 403
            asked = f"{page}/livekit/rtc/validate?{query}"
            async with browser.get(asked, headers=headers) as answer:
                assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.ws_connect(
                f"{page}/livekit/rtc?{query}", headers={"Host": "rebound.test"}
            )
        assert refused.value.status == 421


async def test_livekits_interface_is_not_passed_on(
    upstream: Upstream, page: str, browser: aiohttp.ClientSession
) -> None:
    ticket = {"Authorization": f"Bearer {TICKET}"}
    async with upstream.served():
        for path in ("/", "/twirp/livekit.RoomService/ListRooms", "/rtc/../agent", "/rtc/v2"):
            async with browser.get(f"{page}/livekit{path}", headers=ticket) as answer:
                assert answer.status == 404, path
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await browser.ws_connect(f"{page}/livekit/agent", headers=ticket)


async def test_without_livekit_it_says_so(page: str, browser: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await browser.ws_connect(f"{page}/livekit/rtc?access_token={TICKET}")
    assert refused.value.status == 503
    async with browser.get(f"{page}/livekit/rtc/validate") as answer:
        assert answer.status == 503
        assert (await answer.json())["error"]["code"] == "no_server"


async def test_a_message_beyond_any_size_ends_it(
    upstream: Upstream, page: str, browser: aiohttp.ClientSession
) -> None:
    async with (
        upstream.served(),
        browser.ws_connect(f"{page}/livekit/rtc?access_token={TICKET}") as socket,
    ):
        await socket.receive_str(timeout=5)
        most = signalling.LARGEST - 1
        await socket.send_bytes(bytes(most))
        assert len(await socket.receive_bytes(timeout=5)) == most
        await socket.send_bytes(bytes(signalling.LARGEST + 1))
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        async with asyncio.timeout(5):
            await upstream.gone.wait()
