"""A person at the page: what can be pressed, read and waited for.

The names below are stable, for every test that uses the page:

======================================  ====================================================
``body[data-phase]``                    ``idle``, ``joining``, ``live``, ``reconnecting``,
                                        ``ended``, ``failed``, ``opened``
``body[data-agent]``                    ``none``, ``waiting``, ``absent``,
                                        ``initializing``, ``listening``, ``thinking``,
                                        ``speaking``, ``reconnecting``, ``left``
``body[data-mic]``                      ``off``, ``asking``, ``on``, ``muted``
``body[data-visitor]``                  ``anybody``, ``unknown``, ``known``
``body`` style ``--mic``, ``--voice``   level of the microphone and of the agent, 0 to 1
``#join``, ``#join-typing``, ``#leave`` begin with or without a microphone; end
``#sign-in``, ``#sign-out``, ``#visitor`` an account, where the page asks for one; whose
``#mute``, ``#settings``                buttons of the call
``#start-settings``                     the settings, outside a conversation
``#microphone``, ``#speaker``           device choice, in ``#settings-dialog``
``#show-details``                       there too: whether ``#details`` shows
``#records li[data-kind]``              a record of the agent's, in the details
``#save``, ``#open-saved``              a conversation to a file and back
``#language``                           language of page and conversation
``#message``, ``#send``                 text beside speech
``#captions li``                        one utterance: ``data-role`` (``user``, ``agent``,
                                        ``guest``),
                                        ``data-segment``, ``data-final``; its words in ``p``
``#notices [data-code]``                a problem: codes are the keys of ``notice`` in page.json
``#models``                             which models answer, before a conversation
``#state``, ``#hint``                   what is going on, in words
======================================  ====================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page, ViewportSize, expect

SCREENSHOTS = Path(__file__).resolve().parents[2] / "output" / "screenshots"
_DESKTOP: ViewportSize = {"width": 1280, "height": 800}
_PHONE: ViewportSize = {"width": 390, "height": 844}


class Visitor:
    """Drives one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.body = page.locator("body")
        self.captions = page.locator("#captions li")

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.phase("idle")
        # The page has its words, after some more files than any other.
        await expect(self.page.locator("#join")).not_to_be_empty(timeout=15_000)

    async def join(self, button: str = "#join") -> dict[str, Any]:
        """Press the button; gives the ticket that the page was handed, or the refusal."""
        async with self.page.expect_response("**/api/token") as response:
            await self.page.locator(button).click()
        ticket: dict[str, Any] = await (await response.value).json()
        return ticket

    async def phase(self, phase: str, *, within: float = 15) -> None:
        await expect(self.body).to_have_attribute("data-phase", phase, timeout=within * 1000)

    async def agent(self, state: str, *, within: float = 15) -> None:
        await expect(self.body).to_have_attribute("data-agent", state, timeout=within * 1000)

    async def mic(self, state: str) -> None:
        await expect(self.body).to_have_attribute("data-mic", state)

    async def notice(self, code: str, *, within: float = 5) -> None:
        notice = self.page.locator(f"#notices [data-code={code}]")
        await expect(notice).to_be_visible(timeout=within * 1000)

    async def no_notice(self) -> None:
        await expect(self.page.locator("#notices [data-code]")).to_have_count(0)

    async def caption(self, index: int, role: str, text: str, *, final: bool) -> None:
        item = self.captions.nth(index)
        await expect(item.locator("p")).to_have_text(text)
        await expect(item).to_have_attribute("data-role", role)
        await expect(item).to_have_attribute("data-final", str(final).lower())

    async def loud(self, whose: str) -> None:
        """Wait until a level, ``mic`` or ``voice``, is well above silence."""
        await self.page.wait_for_function(
            "name => Number(document.body.style.getPropertyValue(name)) > 0.3", arg=f"--{whose}"
        )

    async def silent(self, whose: str) -> None:
        """Wait until a level, ``voice`` for one, is that of silence."""
        await self.page.wait_for_function(
            "name => Number(document.body.style.getPropertyValue(name)) < 0.05", arg=f"--{whose}"
        )

    async def write(self, message: str) -> None:
        await expect(self.page.locator("#send")).to_be_enabled()
        await self.page.locator("#message").fill(message)
        await self.page.locator("#message").press("Enter")

    async def choose(self, language: str) -> None:
        await self.page.locator("#language").select_option(language)

    async def words(self, key: str) -> dict[str, Any]:
        """What the page says in its language, of one part of page.json."""
        words: dict[str, Any] = await self.page.evaluate(
            "key => import('/static/i18n.js').then(({text}) => text(key))", key
        )
        return words

    async def details(self) -> None:
        """Switch them on, before a conversation."""
        await self.page.locator("#start-settings").click()
        await self.page.locator("#show-details").check()
        await self.page.locator("#settings-close").click()

    async def shoot(self, name: str, *, whole: bool = False) -> None:
        """Keep what the page looks like now, on a desktop and on a phone, by day and by night.

        With ``whole``, what is below the first screen too.
        """
        for size, viewport in (("desktop", _DESKTOP), ("phone", _PHONE)):
            await self.page.set_viewport_size(viewport)
            for scheme in ("light", "dark"):
                await self.page.emulate_media(color_scheme=scheme)
                await self.page.wait_for_timeout(350)  # the eye's: colours ease in over 300 ms
                await self.page.screenshot(
                    path=SCREENSHOTS / f"{name}-{size}-{scheme}.png", full_page=whole
                )
            overflow = await self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow <= 0, f"{name} is {overflow} px too wide on a {size}"
        await self.page.emulate_media(color_scheme="light")
        await self.page.set_viewport_size(_DESKTOP)
