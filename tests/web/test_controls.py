"""What a visitor can do beside talking: stop an answer, choose, and take what was said along."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from livekit import api, rtc
from playwright.async_api import Browser, Page, expect

from agent.page_controls import KEPT, STOP, STOPPED
from agent.web.look import Look
from harness.livekit_server import LiveKitServer

from .actor import enter, greet
from .conftest import serve, visiting
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

GROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(247, 246, 242)", "rgb(17, 22, 20)"


async def settings(page: Page) -> None:
    await page.locator("#start-settings").click()
    await expect(page.locator("#settings-dialog")).to_be_visible()


async def test_an_answer_can_be_stopped_by_button_and_by_key(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    stop = page.get_by_role("button", name="Stop the answer")
    asked: asyncio.Queue[str] = asyncio.Queue()
    answers = [STOPPED, STOPPED, KEPT]
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:

        async def stopped(call: rtc.RpcInvocationData) -> str:
            answer = answers.pop(0)
            if answer == STOPPED:
                await actor.state("listening")
            asked.put_nowait(call.caller_identity)
            return answer

        actor.room.local_participant.register_rpc_method(STOP, stopped)
        await greet(visitor, actor)
        await expect(stop).to_be_hidden()  # there is nothing to stop
        await actor.state("speaking")
        await stop.focus()
        await page.keyboard.press("Enter")
        assert await asyncio.wait_for(asked.get(), 10) == ticket["identity"]
        await expect(stop).to_be_hidden()
        await expect(page.locator("#state")).to_be_focused()  # not lost with the button
        await visitor.no_notice()
        await actor.state("thinking")
        await expect(stop).to_be_visible()
        await page.locator("#message").fill("Half a")  # it works while one writes, too
        await page.keyboard.press("Escape")
        await asyncio.wait_for(asked.get(), 10)
        await expect(stop).to_be_hidden()
        await expect(page.locator("#message")).to_have_value("Half a")
        await actor.state("speaking")
        await stop.click()
        await visitor.notice("not-stopped")  # something that is said to its end


async def test_keys_do_what_buttons_do_unless_they_are_turned_off(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await visitor.mic("on")
        await page.keyboard.press("m")
        await visitor.mic("muted")
        await page.keyboard.press("t")
        await expect(page.locator("#message")).to_be_focused()
        await page.keyboard.type("mt")  # letters, here
        await expect(page.locator("#message")).to_have_value("mt")
        await visitor.mic("muted")
        await page.locator("#settings").click()
        await expect(page.locator("#mute")).to_have_attribute("aria-keyshortcuts", "m")
        await page.locator("#shortcuts").uncheck()
        assert await page.locator("#mute").get_attribute("aria-keyshortcuts") is None
        await page.locator("#settings-close").click()
        await page.keyboard.press("m")
        await page.locator("#mute").click()
        await visitor.mic("on")  # once, then: the key did nothing


async def test_how_loud_it_is_stays_as_it_was_chosen(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    sounds = "[...document.querySelectorAll('body > audio')].map((sound) => sound.volume)"
    await visitor.open(site)
    await settings(page)
    await page.locator("#volume").fill("40")
    await page.locator("#settings-close").click()
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        assert await page.evaluate(sounds) == [0.4]
        await page.locator("#settings").click()
        await page.locator("#volume").fill("75")
        assert await page.evaluate(sounds) == [0.75]


async def test_light_dark_and_contrast_are_the_devices_or_ones_own(
    visitor: Visitor, site: str
) -> None:
    page = visitor.page
    await visitor.open(site)
    assert await page.evaluate(GROUND) == LIGHT
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate(GROUND) == DARK
    await settings(page)
    await page.locator("#theme").select_option("light")
    assert await page.evaluate(GROUND) == LIGHT
    await page.locator("#theme").select_option("dark")
    await page.emulate_media(color_scheme="light")
    await visitor.open(site)  # remembered
    assert await page.evaluate(GROUND) == DARK
    assert await page.locator("meta[name=theme-color]").get_attribute("content") == DARK
    await page.emulate_media(contrast="more")
    await expect(page.locator("html")).to_have_attribute("data-contrast", "more")
    assert await page.evaluate(GROUND) == "rgb(0, 0, 0)"
    await settings(page)
    await expect(page.locator("#contrast")).to_be_checked()
    await page.locator("#contrast").uncheck()
    assert await page.evaluate(GROUND) == DARK
    await visitor.open(site)
    await expect(page.locator("html")).to_have_attribute("data-contrast", "usual")


async def test_a_microphone_is_chosen_before_the_conversation(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    await page.add_init_script(
        """
        const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        window.asked = [];
        navigator.mediaDevices.getUserMedia = (wanted) => {
          window.asked.push(wanted.audio.deviceId?.ideal ?? null);
          return ask(wanted);
        };
        """
    )
    await visitor.open(site)
    await settings(page)
    options = page.locator("#microphone option")
    assert await options.count() > 1
    chosen = await options.nth(1).get_attribute("value")
    await page.locator("#microphone").select_option(chosen)
    await page.locator("#settings-close").click()
    await visitor.open(site)
    await settings(page)
    await expect(page.locator("#microphone")).to_have_value(chosen or "")
    await page.locator("#settings-close").click()
    await visitor.join()
    await visitor.phase("live")
    await visitor.mic("on")
    assert await page.evaluate("window.asked") == [chosen]


async def test_devices_are_shown_once_the_microphone_is_allowed(
    browser: Browser, site: str
) -> None:
    async with visiting(browser, microphone=False) as visitor:
        page = visitor.page
        await visitor.open(site)
        await settings(page)
        await expect(page.locator("#microphone")).to_be_hidden()
        ask = page.get_by_role("button", name="Allow the microphone")
        await page.context.grant_permissions(["microphone"])
        await ask.click()
        await expect(page.locator("#microphone")).to_be_focused()
        assert await page.locator("#microphone option").count() > 1
        await expect(ask).to_be_hidden()
        await page.locator("#settings-close").click()
        await page.context.clear_permissions()
        await visitor.open(site)
        await settings(page)
        await ask.click()
        await visitor.notice("mic-denied")


async def test_one_can_type_instead_before_and_after_every_conversation(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    await visitor.open(site)
    for phase in ("ended", "failed"):
        await visitor.join("#join-typing")
        await visitor.phase("live")
        await visitor.mic("off")
        await page.locator("#leave").click()
        await visitor.phase("ended")
        if phase == "failed":
            await page.route("**/api/token", lambda route: route.abort())
            await page.locator("#join-typing").click()
            await visitor.phase("failed")
        await expect(page.locator("#join-typing")).to_be_visible()


async def test_what_was_said_is_saved_with_times_and_cuts_and_kept_where_a_retry_fails(
    visitor: Visitor, site: str, server: LiveKitServer, tmp_path: Path
) -> None:
    page = visitor.page
    save = page.get_by_role("button", name="Save the transcript")
    await visitor.open(site)
    await expect(save).to_be_hidden()
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await actor.heard("u1", "What is the", final=False)
        await actor.heard("u1", "What is the capital of France?", final=True)
        await visitor.caption(0, "user", "What is the capital of France?", final=True)
        async with actor.saying("a1") as writer:
            await writer.write("Paris, on the")
        await visitor.caption(1, "agent", "Paris, on the", final=True)
        await actor.tell({"kind": "cut"})
        await expect(visitor.captions.nth(1).locator(".cut")).to_have_text("cut off")
        async with actor.saying("a2") as writer:
            await writer.write("Anything else?")
        await visitor.caption(2, "agent", "Anything else?", final=True)
        async with actor.saying("a3") as writer:
            await writer.write("If not, I")
            await visitor.caption(3, "agent", "If not, I", final=False)
            await page.locator("#leave").click()
            await visitor.phase("ended")
    await visitor.caption(3, "agent", "If not, I", final=True)
    await expect(visitor.captions.nth(3).locator(".cut")).to_have_text("cut off")
    await expect(visitor.captions.nth(2).locator(".cut")).to_have_count(0)
    await page.route("**/api/token", lambda route: route.abort())
    await page.locator("#join").click()
    await visitor.phase("failed")
    await visitor.caption(0, "user", "What is the capital of France?", final=True)
    async with page.expect_download() as download:
        await save.click()
    path = tmp_path / "said.txt"
    await (await download.value).save_as(path)
    assert (await download.value).suggested_filename.endswith(".txt")
    title, empty, *said = path.read_text(encoding="utf-8").splitlines()
    assert title.startswith("Parley, ")
    assert empty == ""
    times, words = zip(*(line.split("] ", 1) for line in said), strict=True)
    assert words == (
        "You: What is the capital of France?",
        "Parley: Paris, on the [cut off]",
        "Parley: Anything else?",
        "Parley: If not, I [cut off]",
    )
    seconds = [60 * int(m) + int(s) for m, s in (time[1:].split(":") for time in times)]
    assert seconds == sorted(seconds)


async def test_the_page_is_the_agents_own_in_name_logo_colours_and_voices(
    visitor: Visitor, server: LiveKitServer, tmp_path: Path
) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 10"/>')
    looks = {
        "parley": Look(),
        "clinic": Look(
            {"any": ("Serena", "Ryan"), "zh": ("Vivian",)},
            logo,
            "#ffd200",
            "#204080",
            {"de": "zh"},
        ),
    }
    agents = {"parley": "Parley", "clinic": "Hart's <clinic>"}
    livekit = server.livekit
    page = visitor.page
    brand, join = page.locator(".brand"), page.locator("#join")
    colours = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    async with serve(livekit, max_rooms=10, agents=agents, looks=looks) as site:
        await visitor.open(site)
        await expect(brand).to_have_text("Parley")
        usual = await join.evaluate(colours)
        await expect(page.locator("#voices")).to_be_hidden()
        await page.locator("#agent").select_option("clinic")
        await expect(brand).to_have_text("Hart's <clinic>")
        await expect(page).to_have_title("Hart's <clinic>")
        await expect(page.locator("#state")).to_have_text("Talk with Hart's <clinic>")
        await page.wait_for_function("document.querySelector('#logo').naturalWidth > 0")
        assert await join.evaluate(colours) == ["rgb(255, 210, 0)", "rgb(0, 0, 0)"]
        await page.emulate_media(color_scheme="dark")
        assert await join.evaluate(colours) == ["rgb(32, 64, 128)", "rgb(255, 255, 255)"]
        await page.emulate_media(color_scheme="light")
        offered = "e => [...e.options].map(({ value }) => value)"
        choice = page.locator("#voice-choice")
        assert await choice.evaluate(offered) == ["", "Serena", "Ryan"]
        await choice.select_option("Ryan")
        both, chinese = ["Serena", "Ryan"], ["Serena", "Ryan", "Vivian"]
        for language, voices in (("zh", chinese), ("fr", both), ("de", chinese), ("en", both)):
            await page.locator("#language").select_option(language)
            await expect(choice.locator("option")).to_have_count(len(voices) + 1)
            assert await choice.evaluate(offered) == ["", *voices]
            await expect(choice).to_have_value("Ryan")
        await visitor.open(site)  # all of that is remembered
        await expect(brand).to_have_text("Hart's <clinic>")
        await expect(page.get_by_label("Voice")).to_have_value("Ryan")
        ticket = await visitor.join()
        await visitor.phase("live")
        async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
            (dispatch,) = await client.agent_dispatch.list_dispatch(ticket["room"])
        assert dispatch.metadata == '{"agent": "clinic", "voice": "Ryan"}'
        await page.locator("#leave").click()
        await visitor.phase("ended")
        await page.locator("#agent").select_option("parley")
        await expect(brand).to_have_text("Parley")
        assert await join.evaluate(colours) == usual
