"""Requests made up from the descriptions of both interfaces: each answer is one that they name."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
import schemathesis
import uvicorn
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import settings as hypothesis_settings
from livekit import api
from livekit.plugins import qwen3_tts
from schemathesis import openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.applications import Starlette

from agent import settings
from agent.bridge import create_app as create_bridge
from agent.bridge.engines import Engines
from agent.bridge.openapi import document as bridge_document
from agent.web import create_app as create_page
from agent.web.admission import Admission
from agent.web.livekit_url import LiveKit
from agent.web.openapi import document as page_document
from agent.web.server import CLIENT_LIBRARY
from harness.scripted import Llm

pytestmark = pytest.mark.fuzz

# What is too long is refused for that, before it is read.
REFUSED = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}}
)
EXAMPLES = hypothesis_settings(max_examples=60, deadline=None, derandomize=True)


class Heard:
    """Engines that hear nothing, answer in one sentence and speak it at once."""

    def __init__(self, tts: qwen3_tts.TTS) -> None:
        self.tts = tts
        self.llm = self

    def chat(self, **given: Any) -> Any:
        return Llm("That is so.").chat(**given)

    async def hear(self, frames: list[Any], language: str | None) -> tuple[str, str | None]:
        return "", language


class Rooms:
    """A livekit-server without rooms."""

    async def list_rooms(self, _: api.ListRoomsRequest) -> api.ListRoomsResponse:
        return api.ListRoomsResponse()

    async def delete_room(self, _: api.DeleteRoomRequest) -> None: ...


@contextlib.asynccontextmanager
async def bridge() -> AsyncIterator[Starlette]:
    """The bridge, before a voice that speaks at once."""

    async def speech(_: web.Request) -> web.Response:
        return web.Response(body=bytes(range(1, 101)) * 240, content_type="audio/pcm")

    app = web.Application()
    app.router.add_post("/v1/audio/speech", speech)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        tts = qwen3_tts.TTS(base_url=str(server.make_url("/v1")), http_session=http)
        profile = settings.load("cpu")
        limits = profile.bridge.model_copy(update={"per_minute": 100_000})
        profile = profile.model_copy(update={"bridge": limits})
        yield create_bridge(profile, cast(Engines, Heard(tts)), cast(Any, None))


@contextlib.asynccontextmanager
async def page(library: Path) -> AsyncIterator[Starlette]:
    """The page, before a livekit-server that has room for everybody."""
    (library / CLIENT_LIBRARY).write_text("// LiveKit's client\n")
    livekit = LiveKit("ws://127.0.0.1:9", "a-key", "a-secret-that-must-stay-on-the-server")
    app = create_page(livekit, client_library=library, max_rooms=1000, rooms_per_address=1000)
    async with app.router.lifespan_context(app):
        app.state.admission = Admission(Rooms(), 1000, 1000)
        yield app


@contextlib.contextmanager
def serving(app: contextlib.AbstractAsyncContextManager[Starlette]) -> Iterator[str]:
    """Serve an application from a thread; gives its address."""
    ready, address, stop = threading.Event(), list[str](), list[uvicorn.Server]()

    async def serve() -> None:
        async with app as served:
            config = uvicorn.Config(served, port=0, log_level="error", lifespan="off")
            server = uvicorn.Server(config)
            stop.append(server)
            running = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            address.append(f"http://127.0.0.1:{port}")
            ready.set()
            await running

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield address[0]
    finally:
        stop[0].should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def bridge_url() -> Iterator[str]:
    with serving(bridge()) as url:
        yield url


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(page(tmp_path_factory.mktemp("library"))) as url:
        yield url


@openapi.from_dict(bridge_document()).parametrize()
@EXAMPLES
def test_the_bridge(case: schemathesis.Case[Any], bridge_url: str) -> None:
    # That either a text or a recording has to be there, and a WAV file at that, no schema says.
    checks: list[Any] = [positive_data_acceptance]
    case.call_and_validate(base_url=bridge_url, timeout=10, excluded_checks=checks)


@openapi.from_dict(page_document(), config=CONFIG).parametrize()
@EXAMPLES
def test_the_page(case: schemathesis.Case[Any], page_url: str) -> None:
    case.call_and_validate(base_url=page_url, timeout=10)
