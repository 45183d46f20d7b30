"""A person at the page: a real browser, whose microphone plays a recording, and the real agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from harness.recording import SAMPLE_RATE
from harness.wav import encode
from tests.web.conftest import CHROMIUM, FLAGS
from tests.web.visitor import SCREENSHOTS, Visitor

from .conftest import World

pytestmark = [
    pytest.mark.room,
    pytest.mark.web,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no chromium on this machine"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def page(world: World, tmp_path: Path) -> AsyncIterator[Page]:
    """A browser at whose microphone somebody asks the same question every 15 seconds."""
    question = await world.speech("What is the capital of France?", "en")
    silence = np.zeros(6 * SAMPLE_RATE, np.int16)
    sound = np.concatenate([silence, question, silence[: 7 * SAMPLE_RATE]])
    (tmp_path / "microphone.wav").write_bytes(encode(sound, SAMPLE_RATE))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *FLAGS,
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={tmp_path / 'microphone.wav'}",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        # The moving picture would take processor time from the engines beside it.
        context = await browser.new_context(locale="en-US", reduced_motion="reduce")
        yield await context.new_page()
        await browser.close()


@pytest.mark.core
@pytest.mark.timeout(300)
async def test_a_conversation_at_the_page(world: World, page: Page) -> None:
    visitor = Visitor(page)
    await visitor.open(world.web_url)
    await visitor.details()
    await visitor.join()
    await visitor.agent("speaking", within=60)
    await visitor.shoot("20-greeting")

    agent = page.locator("#captions li[data-role=agent] p")
    person = page.locator("#captions li[data-role=user] p")
    await expect(person.first).to_contain_text("capital of France", timeout=60_000)
    # The microphone asks again every 15 seconds, which is too soon for a busy machine's answers.
    await page.locator("#mute").click()
    await visitor.mic("muted")
    await expect(agent.filter(has_text="Paris").first).to_be_visible(timeout=60_000)
    await visitor.shoot("21-answered")

    # What that answer waited for, once it was heard.
    turns = page.locator("#records li[data-kind=turn]").filter(has_text="playout")
    await expect(turns.first.locator("tbody th")).to_contain_text(
        ["end of turn", "language model", "first unit", "voice", "playout"], timeout=60_000
    )

    # A long answer, into which the microphone's next question falls.
    await visitor.agent("listening", within=60)
    questions = person.filter(has_text="capital of France")
    asked, answers = await questions.count(), await agent.filter(has_text="Paris").count()
    await visitor.write("Tell me a long story about a dragon, in ten sentences.")
    await visitor.agent("speaking", within=60)
    story = agent.last
    await expect(story).to_contain_text("dragon", ignore_case=True, timeout=60_000)
    position = await agent.count() - 1
    await page.locator("#mute").click()
    await visitor.mic("on")
    await expect(questions).to_have_count(asked + 1, timeout=60_000)
    await expect(agent.filter(has_text="Paris")).to_have_count(answers + 1, timeout=60_000)
    cut = await agent.nth(position).inner_text()
    await visitor.shoot("22-interrupted")
    await visitor.agent("listening", within=60)
    assert await agent.nth(position).inner_text() == cut  # nothing of the old reply came after it

    await page.locator("#leave").click()
    await visitor.phase("ended")
    await visitor.no_notice()
