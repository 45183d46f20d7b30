"""What was said last stays in sight, on a small screen and with a keyboard over it, too."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize, expect

from harness.livekit_server import LiveKitServer

from .actor import Actor, enter, greet
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

PHONE: ViewportSize = {"width": 360, "height": 640}
WITH_KEYBOARD: ViewportSize = {"width": 360, "height": 300}

IN_SIGHT = """() => {
  const list = document.querySelector("#captions").getBoundingClientRect();
  const last = document.querySelector("#captions li:last-child").getBoundingClientRect();
  const seen = Math.min(list.bottom, document.body.getBoundingClientRect().bottom);
  return last.bottom <= seen + 1 && last.bottom > list.top;
}"""
"""Whether the end of the last caption is inside the list, and the list inside the page."""

OVERLAY = """height => {
  for (const [name, value] of [["height", height], ["scale", 1], ["offsetTop", 0]]) {
    Object.defineProperty(window.visualViewport, name, { value, configurable: true });
  }
  window.visualViewport.dispatchEvent(new Event("resize"));
}"""
"""As a browser does that lays its keyboard over the page."""


async def talk(visitor: Visitor, actor: Actor) -> None:
    """More than a phone has room for."""
    for i in range(8):
        await actor.heard(f"u{i}", f"Question number {i}, and a few words more?", final=True)
        await visitor.caption(i, "user", f"Question number {i}, and a few words more?", final=True)


async def in_sight(page: Page) -> None:
    await page.wait_for_function(IN_SIGHT)


@pytest.mark.parametrize("details", [False, True])
@pytest.mark.parametrize("overlaid", [False, True])
async def test_the_end_stays_in_sight_when_a_keyboard_opens_and_closes(
    visitor: Visitor, site: str, server: LiveKitServer, overlaid: bool, details: bool
) -> None:
    page = visitor.page
    await page.set_viewport_size(PHONE)
    await visitor.open(site)
    if details:
        await visitor.details()
    ticket = await visitor.join()
    await visitor.phase("live")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await talk(visitor, actor)
        await in_sight(page)
        await page.locator("#message").focus()
        if overlaid:
            await page.evaluate(OVERLAY, 300)
        else:
            await page.set_viewport_size(WITH_KEYBOARD)
        await expect(visitor.body).to_have_attribute("data-low", "true")
        await in_sight(page)
        for part in ("#captions", "#message", "#mute", "#leave"):
            box = await page.locator(part).bounding_box()
            assert box
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 300
        box = await page.locator("#captions").bounding_box()
        assert box
        assert box["height"] > 110  # four lines
        await visitor.write("What I have just written")
        await visitor.caption(8, "user", "What I have just written", final=True)
        await in_sight(page)
        async with actor.saying("a1") as writer:
            await writer.write("An answer that is longer than a line on a phone, and some more")
            await in_sight(page)
        if overlaid:
            await page.evaluate(OVERLAY, 640)
        else:
            await page.set_viewport_size(PHONE)
        await expect(visitor.body).to_have_attribute("data-low", "false")
        await in_sight(page)
        await expect(page.locator("#newest")).to_be_hidden()


async def test_whoever_reads_further_up_is_left_there_until_they_ask_or_write(
    visitor: Visitor, site: str, server: LiveKitServer
) -> None:
    page = visitor.page
    await page.set_viewport_size(PHONE)
    await visitor.open(site)
    ticket = await visitor.join()
    await visitor.phase("live")
    newest = page.get_by_role("button", name="Newest")
    async with enter(server.livekit, ticket["room"]) as actor:
        await greet(visitor, actor)
        await talk(visitor, actor)
        await page.locator("#captions").evaluate("list => list.scrollTo(0, 0)")
        await expect(newest).to_be_visible()
        await actor.heard("u8", "One more", final=True)
        await visitor.caption(8, "user", "One more", final=True)
        assert await page.locator("#captions").evaluate("list => list.scrollTop") == 0
        await newest.click()
        await in_sight(page)
        await expect(newest).to_be_hidden()
        await expect(page.locator("#captions")).to_be_focused()
        await page.locator("#captions").evaluate("list => list.scrollTo(0, 0)")
        await expect(newest).to_be_visible()
        await visitor.write("My own words")
        await visitor.caption(9, "user", "My own words", final=True)
        await in_sight(page)
