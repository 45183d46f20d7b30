"""What the page says and does when something goes wrong."""

from __future__ import annotations

import asyncio

import pytest
from livekit import api, rtc
from playwright.async_api import Browser, expect

from harness.livekit_server import LiveKitServer

from .actor import enter, greet, remove
from .conftest import serve, visiting
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


async def test_leaving_while_the_browser_asks_leaves_nothing_open(
    visitor: Visitor, site: str
) -> None:
    page = visitor.page
    await page.add_init_script(
        """
        const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          await new Promise((answer) => { window.answer = answer; });
          window.stream = await ask(wanted);
          return window.stream;
        };
        """
    )
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/api/" in r.url else None)
    await visitor.open(site)
    await page.locator("#join").click()
    await visitor.mic("asking")
    await visitor.shoot("22-asking-for-the-microphone")
    await page.locator("#leave").click()
    await visitor.phase("ended")
    await page.evaluate("window.answer()")
    await page.wait_for_function(
        "() => window.stream?.getTracks().every((track) => track.readyState === 'ended')"
    )
    await visitor.phase("ended")
    # As it was opened, and no ticket.
    assert sorted(asked) == [f"{site}/api/{name}" for name in ("agents", "models", "visitor")]


async def test_without_permission_one_can_type_and_speak_later(
    browser: Browser, site: str, server: LiveKitServer
) -> None:
    async with visiting(browser, microphone=False) as visitor:
        await visitor.open(site)
        ticket = await visitor.join()
        await visitor.notice("mic-denied")
        await visitor.phase("live")
        async with enter(server.livekit, ticket["room"]) as actor:
            await greet(visitor, actor)
            await visitor.mic("off")
            await visitor.shoot("13-microphone-denied")
            await visitor.write("Can you read me?")
            assert await asyncio.wait_for(actor.messages.get(), 5) == "Can you read me?"
            await visitor.page.context.grant_permissions(["microphone"])
            await visitor.page.get_by_role("button", name="Try again").click()
            await visitor.mic("on")
            await visitor.no_notice()


async def test_without_a_microphone_one_can_type(
    deaf_browser: Browser, site: str, server: LiveKitServer
) -> None:
    async with visiting(deaf_browser) as visitor:
        await visitor.open(site)
        ticket = await visitor.join()
        await visitor.notice("mic-missing")
        await visitor.phase("live")
        async with enter(server.livekit, ticket["room"]) as actor:
            await greet(visitor, actor)
            await visitor.shoot("14-no-microphone")
            await visitor.write("Hello")
            assert await asyncio.wait_for(actor.messages.get(), 5) == "Hello"


async def test_an_agent_that_is_absent_or_leaves_is_reported(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    await visitor.agent("absent", within=25)
    await visitor.notice("agent-absent")
    await visitor.shoot("15-agent-absent")
    async with enter(server.livekit, ticket["room"]) as actor:
        await actor.state("listening")
        await visitor.agent("listening")
        await visitor.no_notice()
    await visitor.agent("left", within=25)  # no other one has come
    await visitor.notice("agent-left")
    await visitor.shoot("16-agent-left")
    async with visitor.page.expect_response("**/api/token") as response:
        await visitor.page.get_by_role("button", name="Start again").click()
    again = await (await response.value).json()
    assert again["room"] != ticket["room"]
    await visitor.phase("live")
    await visitor.no_notice()


@pytest.mark.parametrize(
    ("locale", "heading", "words"),
    [("en-GB", "Reconnecting…", "cut off"), ("zh-CN", "正在重新连接…", "断线")],
)
async def test_an_agent_that_dies_is_seen_to_come_back(
    browser: Browser, site: str, server: LiveKitServer, locale: str, heading: str, words: str
) -> None:
    async with visiting(browser, locale=locale) as visitor:
        await visitor.open(site)
        ticket = await visitor.join()
        await visitor.phase("live")
        async with enter(server.livekit, ticket["room"], "first") as actor:
            await greet(visitor, actor)
            await actor.heard("u1", "My name is Anna.", final=True)
            await visitor.caption(0, "user", "My name is Anna.", final=True)
            await actor.state("speaking")
            await visitor.agent("speaking")
            async with actor.saying("a1") as writer:
                await writer.write("Hello, An")
                await visitor.caption(1, "agent", "Hello, An", final=False)
                # As the server's watch does: its process would be connected for another 20 s.
                await remove(server.livekit, ticket["room"], "first")
                await visitor.agent("reconnecting")
                await visitor.caption(1, "agent", "Hello, An", final=True)
                await expect(visitor.captions.nth(1).locator(".cut")).to_have_count(1)
        await visitor.notice("agent-lost")
        await expect(visitor.page.locator("#state")).to_have_text(heading)
        await expect(visitor.page.locator("#notices [data-code=agent-lost]")).to_contain_text(words)
        await expect(visitor.page.locator("#send")).to_be_disabled()
        await visitor.shoot(f"23-agent-lost-{locale}")
        async with enter(server.livekit, ticket["room"], "second") as actor:
            await greet(visitor, actor)
            await visitor.no_notice()
            await visitor.caption(0, "user", "My name is Anna.", final=True)
            await visitor.write("Who am I?")
            assert await asyncio.wait_for(actor.messages.get(), 5) == "Who am I?"


async def test_an_engine_that_fails_is_told_of_in_words(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await visitor.mic("on")
        await actor.trouble("stt")
        await visitor.notice("trouble-stt")
        await expect(visitor.page.locator("#state")).to_have_text("Can't make you out")
        await visitor.shoot("23-cannot-hear")
        await actor.trouble("llm", "tts")
        await visitor.notice("trouble-llm")
        await visitor.notice("trouble-tts")
        await expect(visitor.page.locator("#notices [data-code]")).to_have_count(2)
        await expect(visitor.page.locator("#state")).to_have_text("Listening")
        await visitor.choose("zh")
        await visitor.shoot("24-cannot-speak-or-think")
        await visitor.choose("en")
        await actor.trouble()
        await visitor.no_notice()


async def test_a_lost_connection_comes_back(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await actor.state("listening")
        await visitor.agent("listening")
        await actor.heard("u1", "Are you there?", final=True)
        await visitor.caption(0, "user", "Are you there?", final=True)
        await server.kill()
        await visitor.phase("reconnecting", within=40)
        await visitor.notice("connection-lost")
        await visitor.shoot("17-reconnecting")
    await server.start()
    await visitor.phase("live", within=60)
    await visitor.no_notice()
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await visitor.mic("on")
        await visitor.caption(0, "user", "Are you there?", final=True)
        await visitor.write("Here again")
        assert await asyncio.wait_for(actor.messages.get(), 5) == "Here again"


async def test_a_full_server_says_so(
    visitor: Visitor, browser: Browser, server: LiveKitServer
) -> None:
    async with visiting(browser) as first, serve(server.livekit, max_rooms=1) as small:
        livekit = server.livekit
        async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
            for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms:
                await client.room.delete_room(api.DeleteRoomRequest(room=room.name))
        await first.open(small)
        await first.join()
        await first.phase("live")
        await visitor.open(small)
        refusal = await visitor.join()
        assert refusal["error"]["code"] == "full"
        await visitor.phase("failed")
        await visitor.notice("full")
        await visitor.shoot("18-full")
        await first.page.locator("#leave").click()
        await first.phase("ended")


async def test_an_address_that_has_its_share_says_so(
    visitor: Visitor, browser: Browser, server: LiveKitServer
) -> None:
    shared = serve(server.livekit, max_rooms=100, rooms_per_address=1)
    async with visiting(browser) as first, shared as site:
        await first.open(site)
        await first.join()
        await first.phase("live")
        await visitor.open(site)
        await visitor.join()
        await visitor.phase("failed")
        await visitor.notice("too_many_here")
        await first.page.locator("#leave").click()
        await first.phase("ended")


async def test_a_ticket_used_elsewhere_is_told(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    other = rtc.Room()
    await other.connect(ticket["url"], ticket["token"])
    try:
        await visitor.phase("ended")
        await visitor.notice("elsewhere")
    finally:
        await other.disconnect()


async def test_a_server_that_is_down_says_so(visitor: Visitor, server: LiveKitServer) -> None:
    nowhere = server.livekit.__class__("ws://127.0.0.1:9", "key", "secret")
    async with serve(nowhere, max_rooms=1) as site:
        await visitor.open(site)
        await visitor.join()
        await visitor.phase("failed")
        await visitor.notice("no_server")


async def test_a_conversation_closed_by_the_agent_ends(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    livekit = server.livekit
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        await client.room.delete_room(api.DeleteRoomRequest(room=ticket["room"]))
    await visitor.phase("ended")
    await visitor.notice("closed")
    await visitor.shoot("20-closed")
