"""Sound over the agent's speech, in a real room with real engines: what stops it, what does not."""

from __future__ import annotations

import numpy as np
import pytest
from livekit.agents.voice import SpeechHandle

from harness.recording import SAMPLE_RATE, Samples
from harness.speaker import Conversation, converse

from .conftest import World

# Three replies of six seconds each, spoken and heard by engines that share the processor.
pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]

TEXTS = {
    "en": "The old museum by the river opens early in the morning and closes in the evening, "
    "and the line is short before noon.",
    "zh": "河边的那家老博物馆早上开门很早，晚上才关门，如果你中午之前来，排队的人比较少。",
}


def knocks() -> Samples:
    """Knocks on a door: bursts of noise that die away."""
    rng = np.random.default_rng(7)
    burst = rng.normal(0, 9000, SAMPLE_RATE // 4) * np.exp(-np.arange(SAMPLE_RATE // 4) / 900)
    return np.tile(np.clip(burst, -32000, 32000).astype(np.int16), 4)


async def speak_over(conversation: Conversation, text: str, sound: Samples) -> SpeechHandle:
    """Have a text said, and make a sound 1.5 s into it."""
    caller = conversation.caller
    start = caller.now
    speech = conversation.session.say(text)
    while (first := caller.heard.first_sound(start)) is None or caller.now < first + 1.5:
        await caller.tick()
    await caller.say(sound)
    await speech
    return speech


@pytest.mark.parametrize(
    ("language", "backchannel", "stop"),
    [("en", "Okay.", "Stop! Stop!"), ("zh", "好的。", "等一下！")],
)
async def test_what_stops_it_and_what_does_not(
    world: World, language: str, backchannel: str, stop: str
) -> None:
    text = TEXTS[language]
    async with converse(
        world.server, tts_url=world.tts_url, stt_url=world.stt_url, language=language
    ) as conversation:
        session = conversation.session
        transcripts: list[str] = []
        session.on("user_input_transcribed", lambda event: transcripts.append(event.transcript))
        knocked = await speak_over(conversation, text, knocks())
        for _ in range(3):
            transcripts.clear()
            acknowledged = await speak_over(
                conversation, text, await world.speech(backchannel, language)
            )
            # Over the agent's voice Whisper hears other words now and then ("好嘎"), which stop it
            # rightly; what it heard as it was said must not.
            if not any(heard.strip() != backchannel for heard in transcripts):
                break
        stopped = await speak_over(conversation, text, await world.speech(stop, language))
        said = [m for m in session.history.messages() if m.role == "assistant"]
    assert not knocked.interrupted
    assert not acknowledged.interrupted
    assert stopped.interrupted
    assert not said[0].interrupted
    assert [m.interrupted for m in said[-2:]] == [False, True]
    assert text.startswith(said[-1].text_content or "")
    assert len(said[-1].text_content or "") < len(text)
