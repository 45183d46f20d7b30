"""Who has the floor in a real room, with an STT that knows what it hears."""

from __future__ import annotations

import pytest
from livekit.agents.voice import SpeechHandle

from agent.stack import Server
from harness.caller import Caller, join

from .instant import Host, hosting, room_for
from .test_conduct import speech

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

TEXT = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."
"""Five seconds and a half of tone."""


async def over(host: Host, caller: Caller, begin: float, end: float) -> SpeechHandle:
    """Have a text said, and somebody speak a second into it."""
    start = caller.now
    said = host.session.say(TEXT)
    while (first := caller.heard.first_sound(start)) is None or caller.now < first + 1.0:
        await caller.tick()
    await caller.say(speech(begin, end))
    await said
    return said


async def test_a_backchannel_is_no_turn_and_a_stop_word_is_one(livekit: Server) -> None:
    hears = ("Uh-huh.", "", "Okay, stop.")
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, "Stopped.", hears=hears) as host,
    ):
        await caller.until("listening")
        # Shorter than what a sound that is surely an interruption needs: the words decide.
        short = (5.3, 5.65)
        goes_on = [await over(host, caller, *short) for _ in range(2)]
        stopped = await over(host, caller, *short)
        await caller.until("listening")
        await caller.answer(after=caller.now - 3.0)
    assert [s.interrupted for s in (*goes_on, stopped)] == [False, False, True]
    *said, cut, user, answer = host.words
    assert said == [TEXT, TEXT]
    assert TEXT.startswith(cut)
    assert len(cut) < len(TEXT)
    assert (user, answer) == ("> Okay, stop.", "Stopped.")
    # The model was told that it was cut off.
    asked = [m.text_content or "" for m in host.llm.asked[-1].messages()]
    assert f"{cut}—" in asked
