"""Signing in as a person does: the button, the provider's page, the way back, the conversation."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from agent.sign_in_settings import SignInSettings
from agent.visitor import Visitor as Account
from harness.livekit_server import LiveKitServer

from .actor import enter, greet
from .conftest import serve
from .provider import provide
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]


async def test_a_visitor_signs_in_talks_and_signs_out(
    visitor: Visitor, server: LiveKitServer
) -> None:
    page = visitor.page
    button, provided = page.locator("#sign-in"), page.get_by_role("link")
    async with provide() as provider:
        provider.asks = True
        wanted = SignInSettings(oidc=provider.settings)
        async with serve(server.livekit, max_rooms=100, sign_in=wanted) as site:
            await visitor.open(site)
            await expect(visitor.body).to_have_attribute("data-visitor", "unknown")
            await expect(page.locator("#join")).to_be_hidden()
            await expect(page.locator("#join-typing")).to_be_hidden()
            await expect(button).to_have_text("Sign in")
            await visitor.shoot("40-sign-in")
            await visitor.choose("zh")
            await expect(button).to_have_text("登录")
            await expect(page.locator("#hint")).to_have_text("登录后就可以说话或打字。")
            await visitor.shoot("41-sign-in-zh")
            await visitor.choose("en")

            await button.click()
            assert page.url.startswith(f"{provider.issuer}/authorize?")
            await provided.click()
            await page.wait_for_url(f"{site}/")
            await expect(visitor.body).to_have_attribute("data-visitor", "known")
            await expect(page.locator("#visitor")).to_contain_text("Signed in as Ada Lovelace.")
            await expect(button).to_be_hidden()
            await visitor.shoot("42-signed-in")

            ticket = await visitor.join()
            await visitor.phase("live")
            async with enter(server.livekit, ticket["room"]) as actor:
                await greet(visitor, actor)
                assert actor.guest.name == "Ada Lovelace"
                assert Account.from_metadata(actor.room.metadata) == Account(
                    "Ada Lovelace", "user-1"
                )
            await page.locator("#leave").click()
            await visitor.phase("ended")

            # As after some hours: the page finds out when it asks for a ticket.
            await page.context.clear_cookies()
            refused = await visitor.join()
            assert refused["error"]["code"] == "not_signed_in"
            await visitor.notice("not_signed_in")
            await expect(button).to_be_visible()
            await visitor.shoot("43-not-signed-in-any-more")

            await button.click()
            await provided.click()
            await expect(visitor.body).to_have_attribute("data-visitor", "known")
            await page.locator("#sign-out").click()
            await expect(visitor.body).to_have_attribute("data-visitor", "unknown")
            await expect(button).to_be_focused()
            await page.reload()
            await expect(visitor.body).to_have_attribute("data-visitor", "unknown")

            provider.change = lambda claims: {**claims, "nonce": "of-another-sign-in"}
            await button.click()
            await provided.click()
            await visitor.notice("sign_in_failed")
            assert page.url == f"{site}/"  # and says so once, not at each reload
            await visitor.shoot("44-sign-in-failed")


async def test_who_need_not_sign_in_sees_nothing_of_it(visitor: Visitor, site: str) -> None:
    async with visitor.page.expect_response("**/api/visitor"):
        await visitor.open(site)
    await expect(visitor.body).to_have_attribute("data-visitor", "anybody")
    for hidden in ("#sign-in", "#visitor", "#sign-out"):
        await expect(visitor.page.locator(hidden)).to_be_hidden()
    await expect(visitor.page.locator("#join")).to_be_visible()
