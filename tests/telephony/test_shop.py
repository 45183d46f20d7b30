"""The shop that comes with Parley, on the phone: in a real room, with its own MCP server."""

from __future__ import annotations

import asyncio

import pytest

from agent.routing_settings import Destination
from harness.agents import silent
from harness.recording import Samples

from .conftest import Converse
from .fakes import SETTINGS

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(90),
]

SETTINGS_WITH_COLLEAGUE = SETTINGS.model_copy(
    update={
        "tools": ["hang_up", "transfer_call", "place_call"],
        "destinations": {"a colleague": Destination(address="+442079460019")},
    }
)
ORDER = ("find_order", {"order": "1042", "phone": "0018"})
TRANSFER = ("transfer_call", {"destination": "a colleague"})


async def test_a_caller_hears_of_their_order_and_is_put_through_to_a_colleague(
    converse: Converse, speech: Samples
) -> None:
    async with converse(
        ORDER, "In two days.", TRANSFER,
        hears=("Where is 1042? My number ends in 0018.", "Too late! A person, please."),
        settings=SETTINGS_WITH_COLLEAGUE, agent=silent("shop"),
    ) as call:  # fmt: skip
        assert [tool.id for tool in call.phone.tools] == ["hang_up", "transfer_call"]
        await call.caller.say(speech)
        await call.says("In two days.")
        assert "two Fern desk lamps: arrives on" in call.llm.told[-1]
        await call.caller.say(speech)
        await call.says("Shall I put you through to a colleague?")
        assert call.sip.asked == []
        await call.caller.press("1")
        async with asyncio.timeout(20):
            await call.closed.wait()
        (request,) = call.sip.asked
        assert request.transfer_to == "tel:+442079460019"
        assert request.participant_identity == "sip_caller"
