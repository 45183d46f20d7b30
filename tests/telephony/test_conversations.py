"""Calls in real rooms: a caller as LiveKit's SIP service brings one in, a scripted LLM."""

from __future__ import annotations

import asyncio

import pytest

from agent.phone_settings import PhoneSettings
from harness.recording import Samples

from .conftest import Converse
from .fakes import SETTINGS

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(90),
]


def given(*tools: str, **values: object) -> PhoneSettings:
    """The settings of the tests, with these tools given to the model."""
    return SETTINGS.model_copy(update={"tools": list(tools), **values})


DIGITS = ("ask_for_digits", {"question": "OutboundCall number, please.", "least": 4, "most": 8})
TRANSFER = ("transfer_call", {"destination": "sales"})


async def test_the_model_is_given_no_more_than_the_settings_say(converse: Converse) -> None:
    async with converse(settings=given("hang_up", "press_keys")) as call:
        assert [tool.id for tool in call.phone.tools] == ["hang_up", "press_keys"]


async def test_digits_come_by_key(converse: Converse) -> None:
    async with converse(DIGITS, "Thanks.", settings=given("ask_for_digits")) as call:
        call.session.generate_reply(user_input="Where is my order?")
        await call.says("OutboundCall number")
        await call.caller.press("99*4271#")
        await call.says("Thanks.")
        assert call.llm.told[-1] == "4271"


@pytest.mark.core
async def test_digits_come_by_voice(converse: Converse, speech: Samples) -> None:
    async with converse(
        DIGITS, "Thanks.", hears=("It's four two", "four two seven one"),
        settings=given("ask_for_digits"),
    ) as call:  # fmt: skip
        call.session.generate_reply(user_input="Where is my order?")
        await call.says("OutboundCall number")
        await call.caller.say(speech)
        await call.says("Sorry, I didn't get that")  # two digits are not enough
        await call.caller.say(speech)
        await call.says("Thanks.")
        assert call.llm.told == ["Where is my order?", "4271"]  # the model heard no more


async def test_keys_are_pressed_for_a_menu(converse: Converse) -> None:
    pressed: list[str] = []
    async with converse(
        ("press_keys", {"keys": "1 2#"}), "Done.", settings=given("press_keys")
    ) as call:
        call.caller.room.on("sip_dtmf_received", lambda key: pressed.append(key.digit))
        call.session.generate_reply(user_input="Choose sales, then English.")
        await call.says("Done.")
    assert pressed == ["1", "2", "#"]


@pytest.mark.core
async def test_a_transfer_waits_for_a_yes(converse: Converse) -> None:
    async with converse(TRANSFER, settings=given("transfer_call")) as call:
        call.session.generate_reply(user_input="Sales, please.")
        await call.says("Shall I put you through to sales?")
        assert call.sip.asked == []
        await call.caller.press("1")
        async with asyncio.timeout(20):
            await call.closed.wait()
        (request,) = call.sip.asked
        assert request.transfer_to == "tel:+442079460018"
        assert request.participant_identity == "sip_caller"
        assert request.room_name == call.phone.room.name


@pytest.mark.parametrize("answer", ["spoken", "key", "silence"])
async def test_no_yes_is_no_transfer(converse: Converse, speech: Samples, answer: str) -> None:
    async with converse(
        TRANSFER, "All right.", hears=("No, thank you.",),
        settings=given("transfer_call", answer_timeout=1.0),
    ) as call:  # fmt: skip
        call.session.generate_reply(user_input="Sales, please.")
        await call.says("Shall I put you through")
        if answer == "spoken":
            await call.caller.say(speech)
        elif answer == "key":
            await call.caller.press("2")
        await call.says("All right.")
        assert call.sip.asked == []


async def test_a_destination_is_never_a_number_from_the_conversation(converse: Converse) -> None:
    async with converse(
        ("transfer_call", {"destination": "+882512345678"}), "Sorry.",
        settings=given("transfer_call"),
    ) as call:  # fmt: skip
        call.session.generate_reply(user_input="Transfer me to +882512345678, I say yes.")
        await call.says("Sorry.")
        assert call.sip.asked == []
        assert "There are: Sales, the workshop" in call.llm.told[-1]


async def test_the_agent_hangs_up_after_its_goodbye(converse: Converse) -> None:
    async with converse(
        ("hang_up", {"goodbye": "Goodbye, then."}), settings=given("hang_up")
    ) as call:
        call.session.generate_reply(user_input="That was all.")
        await call.says("Goodbye, then.")
        async with asyncio.timeout(10):
            await call.closed.wait()
        assert call.caller.heard.first_sound(0.0) is not None


@pytest.mark.parametrize("how", ["hangs up", "the line says so"])
async def test_a_call_ends_when_the_caller_is_gone(converse: Converse, how: str) -> None:
    async with converse("A long story. " * 20) as call:
        call.session.generate_reply(user_input="Tell me a story.")
        await call.says("A long story.")
        if how == "hangs up":
            await call.caller.room.disconnect()
        else:
            await call.caller.room.local_participant.set_attributes({"sip.callStatus": "hangup"})
        async with asyncio.timeout(30):
            await call.closed.wait()


@pytest.mark.parametrize("tool", [TRANSFER, DIGITS, ("hold", {"seconds": 60})])
async def test_a_call_ends_at_once_while_a_tool_waits_for_the_caller(
    converse: Converse, tool: tuple[str, dict[str, object]]
) -> None:
    async with converse(tool, settings=given("transfer_call", "ask_for_digits", "hold")) as call:
        call.session.generate_reply(user_input="Please.")
        async with asyncio.timeout(20):
            while not call.llm.told:
                await call.caller.tick()
        await asyncio.sleep(1.0)
        await call.caller.room.disconnect()
        async with asyncio.timeout(30):
            await call.closed.wait()
        assert call.sip.asked == []


async def test_music_plays_on_hold_until_the_caller_speaks(
    converse: Converse, speech: Samples
) -> None:
    async with converse(
        ("hold", {"seconds": 60}), "Welcome back.", hears=("I'm back.",), settings=given("hold")
    ) as call:
        start = call.caller.now
        call.session.generate_reply(user_input="One moment.")
        async with asyncio.timeout(10):
            while call.caller.heard.first_sound(start) is None:
                await call.caller.tick()
        await asyncio.sleep(1.0)
        assert call.tts.said == []
        await call.caller.say(speech)
        await call.says("Welcome back.")
        # Nothing of the music is under the words that follow.
        assert [p.name for p in call.phone.room.local_participant.track_publications.values()] == [
            "voice"
        ]
