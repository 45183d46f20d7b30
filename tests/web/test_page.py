"""The page in a real browser, against a real livekit-server and a scripted agent."""

from __future__ import annotations

import asyncio
import re

import pytest
from livekit import api, rtc
from playwright.async_api import Browser, expect

from agent.languages import LANGUAGES, Language, words
from agent.web.answering import Answering, Models
from harness.livekit_server import LiveKitServer

from .actor import enter, greet
from .conftest import serve, visiting
from .visitor import SCREENSHOTS, Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


async def test_every_state_of_the_agent_shows(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    await visitor.shoot("01-start")
    ticket = await visitor.join()
    await visitor.phase("live")
    await visitor.agent("waiting")
    await visitor.shoot("02-waiting")
    async with enter(server.livekit, ticket["room"]) as actor:
        await actor.state("initializing")
        await visitor.agent("initializing")
        await visitor.shoot("03-initializing")
        for number, state in enumerate(("listening", "thinking", "speaking"), start=4):
            await actor.state(state)
            await visitor.agent(state)
            if state == "speaking":
                await visitor.loud("voice")
            await visitor.shoot(f"0{number}-{state}")
        await visitor.no_notice()


async def test_the_ticket_calls_a_named_agent_into_its_room(
    visitor: Visitor, site: str, server: LiveKitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEKIT_AGENT_NAME", "parley")
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    livekit = server.livekit
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        dispatches = await client.agent_dispatch.list_dispatch(ticket["room"])
        assert [d.agent_name for d in dispatches] == ["parley"]


@pytest.mark.parametrize(
    ("agents", "chosen", "metadata"),
    [
        ({"parley": "Parley", "front-desk": "Hart's clinic"}, "Hart's clinic", "front-desk"),
        ({"parley": "Parley", "front-desk": "Hart's clinic"}, None, "parley"),
        ({"parley": "Parley"}, None, None),
    ],
)
async def test_one_chooses_whom_to_speak_with_where_there_are_several(
    visitor: Visitor,
    server: LiveKitServer,
    agents: dict[str, str],
    chosen: str | None,
    metadata: str | None,
) -> None:
    livekit = server.livekit
    async with serve(livekit, max_rooms=10, agents=agents) as site:
        async with visitor.page.expect_response("**/api/agents"):
            await visitor.open(site)
        choice = visitor.page.get_by_label("Whom to speak with")
        if metadata is None:
            await expect(choice).to_be_hidden()
        else:
            await expect(choice).to_have_value("parley")
            await visitor.shoot("22-agents")
        if chosen:
            await choice.select_option(label=chosen)
        ticket = await visitor.join()
        await visitor.phase("live")
        async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
            (dispatch,) = await client.agent_dispatch.list_dispatch(ticket["room"])
        assert dispatch.metadata == (f'{{"agent": "{metadata}"}}' if metadata else "")


async def test_captions_grow_while_both_speak(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await actor.state("listening")
        await visitor.agent("listening")
        await actor.heard("u1", "What is the", final=False)
        await visitor.caption(0, "user", "What is the", final=False)
        await actor.heard("u1", "What is the capitol", final=False)
        await visitor.caption(0, "user", "What is the capitol", final=False)
        await visitor.shoot("07-user-speaking")
        await actor.heard("u1", "What is the capital of France?", final=True)
        await visitor.caption(0, "user", "What is the capital of France?", final=True)
        await actor.state("speaking")
        async with actor.saying("a1") as writer:
            await writer.write("The capital of France ")
            await visitor.caption(1, "agent", "The capital of France ", final=False)
            await writer.write("is Paris, on the Seine.")
            await visitor.caption(
                1, "agent", "The capital of France is Paris, on the Seine.", final=False
            )
            await visitor.shoot("08-captions")
        await visitor.caption(
            1, "agent", "The capital of France is Paris, on the Seine.", final=True
        )
        await expect(visitor.captions).to_have_count(2)


async def test_words_are_shown_as_text_only(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await actor.state("listening")
        await visitor.agent("listening")
        await actor.heard("u1", "<img src=x onerror=alert(1)><b>hi</b>", final=True)
        await visitor.caption(0, "user", "<img src=x onerror=alert(1)><b>hi</b>", final=True)
        await expect(visitor.page.locator("#captions :is(img, b)")).to_have_count(0)


async def test_a_message_can_be_typed(visitor: Visitor, site: str, server: LiveKitServer) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    message = visitor.page.locator("#message")
    await message.fill("Too early")
    await message.press("Enter")
    await expect(message).to_have_value("Too early")  # nobody is here to read it: it stays
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await visitor.write("How many days has a week?")
        assert await asyncio.wait_for(actor.messages.get(), 5) == "How many days has a week?"
        await visitor.caption(0, "user", "How many days has a week?", final=True)
        await expect(message).to_have_value("")
        async with actor.saying("a1") as writer:
            await writer.write("Seven.")
        await visitor.caption(1, "agent", "Seven.", final=True)
        await visitor.shoot("09-typed")


async def test_the_microphone_is_heard_and_can_be_muted(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await actor.state("listening")
        await visitor.mic("on")
        await visitor.loud("mic")
        (publication,) = actor.guest.track_publications.values()
        assert publication.source == rtc.TrackSource.SOURCE_MICROPHONE
        muted = asyncio.Event()
        actor.room.on("track_muted", lambda *_: muted.set())
        await visitor.page.locator("#mute").click()
        await asyncio.wait_for(muted.wait(), 5)
        await visitor.mic("muted")
        await expect(visitor.page.locator("#mute")).to_have_text("Unmute")
        await visitor.shoot("10-muted")
        await visitor.page.locator("#mute").click()
        await visitor.mic("on")
        await visitor.loud("mic")


async def test_the_language_starts_from_the_browser_and_can_change(
    browser: Browser, site: str, server: LiveKitServer
) -> None:
    async with visiting(browser, locale="zh-CN") as visitor:
        await visitor.open(site)
        await expect(visitor.page.locator("html")).to_have_attribute("lang", "zh-Hans")
        await expect(visitor.page.locator("#join")).to_have_text("开始对话")
        await visitor.shoot("11-start-zh")
        ticket = await visitor.join()
        await visitor.phase("live")
        async with enter(server.livekit, ticket["room"]) as actor:
            await actor.state("listening")
            await visitor.agent("listening")
            await actor.until(parley_language="zh")
            await actor.heard("u1", "今天天气怎么样？", final=True)
            async with actor.saying("a1") as writer:
                await writer.write("今天北京晴，气温十二度，风不大，适合出门走走。")
            await visitor.caption(0, "user", "今天天气怎么样？", final=True)
            await visitor.shoot("12-conversation-zh")
            await visitor.choose("en")
            await actor.until(parley_language="en")
            await expect(visitor.page.locator("#state")).to_have_text("Listening")
            await expect(visitor.captions.nth(0).locator(".who")).to_have_text("You")


async def test_a_chosen_language_is_there_at_the_next_visit(visitor: Visitor, site: str) -> None:
    page = visitor.page
    await visitor.open(site)
    shown = await page.locator("#language option").all_text_contents()
    assert shown == [words(language).name for language in LANGUAGES]
    await expect(page.locator("#join")).to_have_text("Start talking")
    await visitor.choose("zh")
    await expect(page.locator("#join")).to_have_text("开始对话")
    await visitor.open(site)
    await expect(page.locator("#join")).to_have_text("开始对话")
    await expect(page.locator("#language")).to_have_value("zh")


async def test_a_language_whose_words_cannot_be_had_is_not_changed_to(
    visitor: Visitor, site: str
) -> None:
    page = visitor.page
    await visitor.open(site)
    await page.route("**/languages/zh.json", lambda route: route.abort())
    await visitor.choose("zh")
    await visitor.notice("offline")
    await expect(page.locator("#language")).to_have_value("en")
    await expect(page.locator("#join")).to_have_text("Start talking")


async def test_a_language_without_a_voice_says_which_one_is_spoken(
    visitor: Visitor, server: LiveKitServer
) -> None:
    spoken: dict[Language, Language] = dict.fromkeys(LANGUAGES, "en")
    note = visitor.page.locator("#voice")
    async with serve(server.livekit, max_rooms=100, spoken=spoken) as url:
        await visitor.open(url)
        await expect(note).to_be_hidden()
        await visitor.choose("zh")
        await expect(note).to_have_text("这里的 Parley 没有中文语音，会用另一种语言回答：English。")
        await visitor.choose("en")
        await expect(note).to_be_hidden()


class Told(Answering):
    """Says which models there are without asking anybody."""

    def __init__(self, **models: Models) -> None:
        super().__init__({})
        self._models = models

    async def of(self, agent: str | None = None) -> Models:
        return self._models[agent or "parley"]


async def test_the_models_that_answer_are_told_before_a_conversation(
    visitor: Visitor, server: LiveKitServer
) -> None:
    told = Told(
        parley=Models({"llm": "Qwen-0.5B", "stt": "whisper-base", "tts": "kokoro"}, stand_in=True),
        clinic=Models({"llm": "Qwen3-8B"}),
    )
    agents = {"parley": "Parley", "clinic": "The clinic"}
    line = visitor.page.locator("#models")
    async with serve(server.livekit, max_rooms=100, agents=agents, answering=told) as url:
        await visitor.open(url)
        await expect(line).to_have_text(
            "Language model: Qwen-0.5B (a small stand-in on this server's CPU, often wrong)"
            " · Speech recognition: whisper-base · Voice: kokoro"
        )
        await visitor.shoot("18-models")
        await visitor.choose("de")
        await expect(line).to_contain_text("Sprachmodell: Qwen-0.5B (ein kleiner Ersatz")
        await visitor.page.locator("#agent").select_option("clinic")
        await expect(line).to_have_text("Sprachmodell: Qwen3-8B")


async def test_one_can_choose_to_type_only(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    ticket = await visitor.join("#join-typing")
    await visitor.phase("live")
    await visitor.mic("off")
    await visitor.no_notice()
    await expect(visitor.page.locator("#message")).to_be_focused()
    async with enter(server.livekit, ticket["room"]) as actor:
        assert not actor.guest.track_publications


async def test_leaving_and_coming_back_is_a_new_conversation(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    first = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, first["room"]) as actor:
        await actor.state("listening")
        await visitor.agent("listening")
        await actor.heard("u1", "Goodbye.", final=True)
        await visitor.caption(0, "user", "Goodbye.", final=True)
        await visitor.page.locator("#leave").click()
        await visitor.phase("ended")
        await visitor.caption(0, "user", "Goodbye.", final=True)  # can still be read
        await visitor.shoot("19-ended")
    second = await visitor.join()
    assert (second["room"], second["identity"]) != (first["room"], first["identity"])
    await visitor.phase("live")
    await expect(visitor.captions).to_have_count(0)
    async with enter(server.livekit, second["room"]) as actor:
        await actor.state("listening")
        await visitor.agent("listening")


async def test_devices_can_be_chosen_by_keyboard(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    await visitor.open(site)
    page = visitor.page
    await page.locator("#join").focus()
    await page.keyboard.press("Enter")
    await visitor.phase("live")
    await expect(page.locator("#state")).to_be_focused()
    await page.locator("#message").focus()
    for expected in ("mute", "settings"):
        await page.keyboard.press("Tab")  # Send is disabled while nobody is there to read
        await expect(page.locator(f"#{expected}")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#settings-dialog")).to_be_visible()
    names = await page.locator("#microphone option").all_text_contents()
    assert len(names) >= 2
    await visitor.shoot("21-settings")
    await page.locator("#microphone").select_option(label=names[1])
    await expect(page.locator("#microphone option:checked")).to_have_text(names[1])
    await visitor.loud("mic")
    await page.keyboard.press("Escape")
    await expect(page.locator("#settings-dialog")).to_be_hidden()
    await expect(page.locator("#settings")).to_be_focused()


async def test_only_this_site_is_asked(visitor: Visitor, site: str) -> None:
    asked: set[str] = set()
    visitor.page.on("request", lambda request: asked.add(request.url))
    visitor.page.on("websocket", lambda socket: asked.add(socket.url))
    await visitor.open(site)
    await visitor.join()
    await visitor.phase("live")
    allowed = (f"{site}/", f"{site}/".replace("http", "ws", 1))  # LiveKit's signalling, too
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(allowed)] == []


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (320, 568),
        (640, 800),
        (667, 375),
        (896, 414),
        (897, 700),
        (1088, 600),
        (1089, 700),
        (1216, 720),
    ],
)
async def test_everything_fits_on_a_small_screen(
    browser: Browser, site: str, width: int, height: int
) -> None:
    # Without a microphone: its button has the longest word then, and there is a notice.
    async with visiting(browser, microphone=False) as visitor:
        page = visitor.page
        await page.set_viewport_size({"width": width, "height": height})
        await visitor.open(site)
        await visitor.join()
        await visitor.phase("live")
        await visitor.notice("mic-denied")
        for language in LANGUAGES:
            await page.locator("#language").select_option(language)
            await expect(page.locator("html")).to_have_attribute("lang", re.compile(f"^{language}"))
            at = f"{width}x{height}-{language}"
            await page.screenshot(path=SCREENSHOTS / f"23-small-{at}.png")
            assert await page.evaluate("document.documentElement.scrollWidth") == width, at
            for button in ("#mute", "#settings", "#leave", "#send"):
                box = await page.locator(button).bounding_box()
                assert box, at
                assert box["x"] >= 0, at
                assert box["x"] + box["width"] <= width, at
                assert box["y"] + box["height"] <= height, at
                assert await page.locator(button).evaluate("e => e.scrollWidth <= e.clientWidth")
