"""Who is in a room: asked of LiveKit's API, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import api

from agent.recovery import is_there, people

_FOUND = api.ParticipantInfo(identity="agent", kind=api.ParticipantInfo.AGENT)


def _twirp(code: str, status: int) -> Callable[[web.Request], web.Response]:
    body = json.dumps({"code": code, "msg": "no"})
    return lambda _: web.Response(status=status, text=body, content_type="application/json")


@asynccontextmanager
async def _served(app: web.Application, *, gone: bool = False) -> AsyncIterator[api.LiveKitAPI]:
    server = TestServer(app)
    await server.start_server()
    try:
        async with api.LiveKitAPI(str(server.make_url("/")), "key", "secret" * 8) as livekit:
            if gone:
                await server.close()
            yield livekit
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (lambda _: web.Response(body=_FOUND.SerializeToString()), True),
        (_twirp("not_found", 404), False),
        # LiveKit cannot say.
        (_twirp("unavailable", 503), True),
        (_twirp("unauthenticated", 401), True),
    ],
    ids=["there", "gone", "unavailable", "wrong key"],
)
async def test_whether_somebody_is_in_a_room_is_as_livekit_says(
    answer: Callable[[web.Request], web.Response], there: bool
) -> None:
    asked: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        asked.append(request.path.rpartition("/")[2])
        said = api.RoomParticipantIdentity.FromString(await request.read())
        assert (said.room, said.identity) == ("room", "agent")
        return answer(request)

    app = web.Application()
    app.router.add_post("/{path:.*}", respond)
    async with _served(app) as livekit:
        assert await is_there(livekit, "room", "agent") is there
    assert set(asked) == {"GetParticipant"}


async def test_who_livekit_cannot_tell_of_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_ASKED", 0.2)
    app = web.Application()

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    app.router.add_post("/{path:.*}", hang)
    async with _served(app) as livekit:
        assert await is_there(livekit, "room", "agent")


async def test_who_is_asked_of_a_livekit_that_is_down_is_there() -> None:
    async with _served(web.Application(), gone=True) as livekit:
        assert await is_there(livekit, "room", "agent")
