"""Whether everybody can use the page: axe-core on each of its states, and that each fits."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal, TypedDict

import pytest
from livekit.plugins.turn_taking import Judged
from playwright.async_api import Page, ViewportSize, expect

from agent.languages import Language
from agent.telemetry import Overlap
from agent.web.look import Look
from harness.livekit_server import LiveKitServer

from .actor import Actor, enter, greet
from .conftest import serve
from .test_details import turn
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

COMPLAINTS = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`));
}"""

MISFITS = """() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".sr");
  const name = (e) => e.id || e.className || e.textContent;
  const dialog = document.querySelector("dialog[open]");
  const parts = [...(dialog ?? document).querySelectorAll("button, select, input, h1, .notice")]
    .filter((e) => shown(e) && e.type !== "file" && e.type !== "checkbox");
  const margin = dialog ? dialog.getBoundingClientRect().left : 8;
  const found = [];
  for (const e of parts) {
    const { left, right } = e.getBoundingClientRect();
    if (left < margin || right > innerWidth - margin) found.push(`${name(e)} sticks out`);
    if (e.matches("button") && e.scrollWidth > e.clientWidth + 1) found.push(`${name(e)} is cut`);
  }
  const buttons = parts.filter((e) => e.matches("button, select") && !e.closest("#composer, .notice, .talk"));
  for (const [i, e] of buttons.entries()) {
    const a = e.getBoundingClientRect();
    for (const other of buttons.slice(i + 1)) {
      const b = other.getBoundingClientRect();
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 1 && !dialog) found.push(`${name(e)} overlaps ${name(other)}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page is too wide");
  const { phase, details } = document.body.dataset;
  const lowest = document.querySelector("#leave").getBoundingClientRect().bottom;
  if (phase === "live" && details === "off" && lowest > innerHeight) found.push("#leave is out of sight");
  return found;
}"""  # noqa: E501


class Media(TypedDict, total=False):
    color_scheme: Literal["light", "dark"]
    contrast: Literal["more"]
    forced_colors: Literal["active"]
    reduced_motion: Literal["reduce"]


VIEWS: list[tuple[ViewportSize, Language, Media]] = [
    ({"width": 360, "height": 640}, "ru", {"color_scheme": "dark"}),
    ({"width": 360, "height": 640}, "de", {"contrast": "more"}),
    ({"width": 360, "height": 640}, "zh", {"forced_colors": "active"}),
    ({"width": 768, "height": 1024}, "ru", {"color_scheme": "dark", "contrast": "more"}),
    ({"width": 1440, "height": 900}, "en", {}),
]
KEYBOARD: ViewportSize = {"width": 360, "height": 300}


async def check(page: Page, state: str) -> None:
    """Have axe look at the page as it is now, and see whether everything fits."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    complaints = await page.evaluate(COMPLAINTS) + await page.evaluate(MISFITS)
    assert complaints == [], f"{state}, {page.viewport_size}"


async def check_all(visitor: Visitor, state: str) -> None:
    """Check the page in all the ways in which it can be seen."""
    page = visitor.page
    for size, language, media in VIEWS:
        await page.set_viewport_size(size)
        await page.emulate_media(
            color_scheme=media.get("color_scheme", "light"),
            contrast=media.get("contrast", "no-preference"),
            forced_colors=media.get("forced_colors", "none"),
            reduced_motion="reduce",  # colours are those that they will be
        )
        # Through the script, as a dialog may be over it.
        await page.locator("#language").evaluate(
            "(e, value) => { e.value = value; e.dispatchEvent(new Event('change')); }", language
        )
        tag = "zh-Hans" if language == "zh" else language
        await expect(page.locator("html")).to_have_attribute("lang", tag)
        await check(page, f"{state}, {language}, {media}")


async def talk(visitor: Visitor, actor: Actor) -> None:
    await greet(visitor, actor)
    await actor.heard("u1", "And how many people live there, roughly?", final=True)
    async with actor.saying("a1") as writer:
        await writer.write("About two million, and eleven with what is around it.")
    await visitor.caption(
        1, "agent", "About two million, and eleven with what is around it.", final=True
    )
    await actor.tell({"kind": "cut"})
    await actor.heard("u2", "Thank", final=False)
    await actor.tell(Overlap("a", Judged("backchannel", False, 0.12, 0.43)).record())
    await actor.tell({**turn(1), "tools": ["get_time"]})


async def test_before_a_conversation(visitor: Visitor, server: LiveKitServer) -> None:
    agents = {"parley": "Parley", "clinic": "Park Road Clinic"}
    looks = {
        "parley": Look({"any": ("Serena", "Ryan")}),
        "clinic": Look({"any": ("Ryan",)}, None, "#ffd200"),
    }
    async with serve(server.livekit, max_rooms=10, agents=agents, looks=looks) as site:
        await visitor.open(site)
        await check_all(visitor, "idle")
        await visitor.page.locator("#agent").select_option("clinic")
        await check_all(visitor, "an agent's own colours")
        await visitor.page.locator("#start-settings").click()
        await check_all(visitor, "settings")


@pytest.mark.parametrize("details", [False, True])
async def test_in_and_after_a_conversation(
    visitor: Visitor, site: str, server: LiveKitServer, details: bool
) -> None:
    page = visitor.page
    await visitor.open(site)
    if details:
        await visitor.details()
    ticket = await visitor.join()
    await visitor.phase("live")
    await check_all(visitor, "waiting")
    async with enter(server.livekit, ticket["room"]) as actor:
        await talk(visitor, actor)
        if details:
            await expect(page.locator("#records li")).to_have_count(2)
        await actor.state("speaking")
        await visitor.agent("speaking")
        await check_all(visitor, "speaking")
        await page.set_viewport_size(KEYBOARD)
        await page.locator("#message").focus()
        await check(page, "keyboard")
        await actor.trouble("stt", "llm", "tts")
        await visitor.notice("trouble-tts")
        await check(page, "keyboard and notices")
        box = await page.locator("#captions").bounding_box()
        assert box
        assert box["height"] > 80
        await check_all(visitor, "notices")
        await actor.trouble()
        await page.locator("#leave").click()
    await visitor.phase("ended")
    await check_all(visitor, "ended")


async def test_with_a_notice_and_nothing_said(visitor: Visitor, site: str) -> None:
    await visitor.open(site)
    await visitor.page.route(
        "**/api/token",
        lambda route: route.fulfill(status=503, json={"error": {"code": "full", "message": ""}}),
    )
    await visitor.page.locator("#join").click()
    await visitor.notice("full")
    await check_all(visitor, "full")
