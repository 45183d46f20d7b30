"""Makes docs/page.png: the page in a conversation that is played, by what plays it to its tests.

Run it after a change of the page: ``uv run scripts/make_page_picture.py``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright, expect

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from agent.telemetry import FirstWords, Turn
from agent.telemetry.turn import Decision, Moments
from harness.livekit_server import LiveKitServer
from tests.web.actor import Actor, enter, greet
from tests.web.conftest import CHROMIUM, FLAGS, serve, visiting
from tests.web.visitor import Visitor

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "page.png"

_TALK = (
    ("user", "What time does the museum close today?"),
    ("agent", "At six. The last visitors are let in at half past five."),
    ("user", "And what is seventeen times twenty-three?"),
    ("agent", "Three hundred and ninety-one."),
    ("user", "Lovely. Tell me something about dragons."),
)
_SAYS = "In the oldest stories a dragon guards something: a spring, a hill, or gold that"
# Seconds from the last voice to the turn's end, the model's first words, the unit, its sound, and
# to the first sample on its way: each is a little after the one before.
_WAITED = ((0.26, 0.58, 0.6, 0.64, 0.65), (0.22, 0.49, 0.52, 0.55, 0.56))


def _turn(number: int) -> Turn:
    decided, text, unit, audio, played = _WAITED[number - 1]
    moments = Moments(0.0, decided=decided, text=text, unit=unit, audio=audio, played=played)
    ended = Decision(decided, "finished", 0.93, 2.1, 0.7)
    tools = ["calculate"] if number == 2 else []
    return Turn(f"a-{number}", "en", moments, ended, answered=True, tools=tools)


async def _hold(visitor: Visitor, actor: Actor) -> None:
    await greet(visitor, actor)
    await actor.tell(FirstWords("a", 0.71).record())
    turns = 0
    for index, (role, words) in enumerate(_TALK):
        if role == "user":
            await actor.heard(f"s{index}", words, final=True)
        else:
            async with actor.saying(f"s{index}") as writer:
                await writer.write(words)
            turns += 1
            await actor.tell(_turn(turns).record())
        await visitor.caption(index, role, words, final=True)
    await actor.state("speaking")
    async with actor.saying("last") as writer:
        await writer.write(_SAYS)
        await visitor.caption(len(_TALK), "agent", _SAYS, final=False)
        await expect(visitor.page.locator("#records li[data-kind=turn]")).to_have_count(turns)
        await visitor.loud("voice")
        await visitor.page.wait_for_timeout(2000)  # for the levels to be seen
        await visitor.page.screenshot(path=PICTURE)


async def main() -> None:
    """Make it."""
    with tempfile.TemporaryDirectory() as folder:
        livekit = LiveKitServer(Path(folder) / "livekit.yaml")
        await livekit.start()
        try:
            async with async_playwright() as playwright, serve(livekit.livekit, max_rooms=1) as url:
                fake = ["--use-fake-device-for-media-stream"]
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=[*FLAGS, *fake]
                )
                async with visiting(browser) as visitor:
                    await visitor.page.set_viewport_size({"width": 1280, "height": 800})
                    await visitor.open(url)
                    await visitor.details()
                    ticket = await visitor.join()
                    await visitor.phase("live")
                    async with enter(livekit.livekit, ticket["room"]) as actor:
                        await _hold(visitor, actor)
                await browser.close()
        finally:
            await livekit.kill()


if __name__ == "__main__":
    asyncio.run(main())
