"""Two people at two pages, in one room."""

from __future__ import annotations

import json
import secrets
from urllib.parse import urlsplit

import pytest
from livekit import api
from playwright.async_api import Browser, Route, expect

from agent.web.signalling import PREFIX
from harness.livekit_server import LiveKitServer

from .actor import enter, greet
from .conftest import visiting
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


async def enter_as(visitor: Visitor, server: LiveKitServer, room: str, name: str) -> None:
    """Join a room of the test's choice, by a ticket of its own and by way of the page."""
    livekit = server.livekit
    token = (
        api.AccessToken(livekit.api_key, livekit.api_secret)
        .with_identity(name.lower())
        .with_name(name)
        .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True))
        .to_jwt()
    )
    url = f"ws://{urlsplit(visitor.page.url).netloc}{PREFIX}"
    ticket = {"url": url, "token": token, "room": room, "identity": name.lower()}

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(ticket))

    await visitor.page.route("**/api/token", answer)
    await visitor.join()
    await visitor.phase("live")


async def test_everybodys_words_are_under_their_own_name(
    browser: Browser, site: str, server: LiveKitServer
) -> None:
    room = f"participants-{secrets.token_hex(4)}"
    async with (
        visiting(browser) as anna,
        visiting(browser) as ben,
        enter(server.livekit, room) as actor,
    ):
        for visitor, name in ((anna, "Anna"), (ben, "Ben")):
            await visitor.open(site)
            await enter_as(visitor, server, room, name)
        for visitor in (anna, ben):
            await greet(visitor, actor)
        await actor.heard("s1", "I would like some tea.", final=True, whom="anna")
        await actor.heard("s2", "And coffee for me.", final=True, whom="ben")
        async with actor.saying("s3") as writer:
            await writer.write("Tea for Anna, coffee for Ben.")
        for visitor, roles, names in (
            (anna, ("user", "guest", "agent"), ("You", "Ben", "Parley")),
            (ben, ("guest", "user", "agent"), ("Anna", "You", "Parley")),
        ):
            await visitor.caption(0, roles[0], "I would like some tea.", final=True)
            await visitor.caption(1, roles[1], "And coffee for me.", final=True)
            await visitor.caption(2, roles[2], "Tea for Anna, coffee for Ben.", final=True)
            await expect(visitor.captions.locator(".who")).to_have_text(list(names))
            # The agent and the other person are both heard.
            await expect(visitor.page.locator("body > audio")).to_have_count(2)
        await anna.shoot("participants-anna")
        await ben.shoot("participants-ben")
        # Ben goes; the agent's voice stays.
        await ben.page.locator("#leave").click()
        await expect(anna.page.locator("body > audio")).to_have_count(1)
        await actor.state("speaking")
        await anna.loud("voice")
