"""The plugin's voice as it is heard in a room: what is said, how, and what history keeps of it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bench.history import INTERRUPTION, TEXTS, barge_in, judge
from harness import speech
from harness.clicks import clicks
from harness.recording import SAMPLE_RATE, Samples
from harness.speaker import Conversation, converse

from .conftest import World, likeness

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


async def hear(conversation: Conversation, text: str) -> Samples:
    """Have a text said, and listen."""
    start = conversation.caller.now
    await conversation.session.say(text)
    return await conversation.caller.answer(after=start)


def pitch(samples: Samples) -> float:
    """The voice's pitch in Hz: the median of 40 ms windows that are periodic."""
    size, shortest, longest = SAMPLE_RATE // 25, SAMPLE_RATE // 320, SAMPLE_RATE // 70
    found: list[float] = []
    for start in range(0, samples.size - 2 * size, size):
        window = samples[start : start + 2 * size].astype(float)
        energy = float(window @ window)
        if energy < 2 * size * 500**2:
            continue
        lags = [float(window[:-lag] @ window[lag:]) / energy for lag in range(shortest, longest)]
        if max(lags) > 0.5:
            found.append(SAMPLE_RATE / (shortest + int(np.argmax(lags))))
    return float(np.median(found))


@pytest.mark.parametrize(
    ("language", "written", "spoken", "figure", "words"),
    [
        (
            "en",
            "Sure. <style warm and slow>A ticket to the old museum costs $5 on Monday.</style> "
            "If you come before noon, the line is short.",
            "Sure. A ticket to the old museum costs five dollars on Monday. "
            "If you come before noon, the line is short.",
            "$5",
            "five dollars",
        ),
        (
            "zh",
            "好的。<style 温柔>博物馆的门票一共25元。</style>如果你中午之前来，人比较少。",
            "好的。博物馆的门票一共二十五元。如果你中午之前来，人比较少。",
            "25元",
            "二十五",
        ),
    ],
)
async def test_a_reply_is_heard_whole(
    world: World, language: str, written: str, spoken: str, figure: str, words: str
) -> None:
    async with converse(
        world.server, tts_url=world.tts_url, stt_url=world.stt_url, language=language
    ) as conversation:
        heard = await hear(conversation, written)
        (caption,) = (c.text for c in conversation.caller.captions.values())
        (message,) = conversation.session.history.messages()
    # Markup is neither shown nor remembered nor heard, a figure is shown as it was written.
    assert "style" not in caption
    assert figure in caption
    assert message.text_content == caption
    assert likeness(caption.replace(figure, ""), spoken) > 0.8
    # Whisper writes figures in its own way: as words, with a sign, or both.
    text = await world.transcribe(heard, language)
    text = text.replace("$5", "five dollars").replace("25", "二十五")
    assert words in text
    assert "style" not in text.lower()
    # Whisper base gets one Chinese character in six wrong.
    assert likeness(text, spoken) > 0.6
    assert not clicks(heard)


async def test_a_voice_may_change_inside_a_reply(world: World) -> None:
    text = (
        "Good morning, my name is Anna, how are you? "
        '<style voice="am_michael">Good morning, my name is Michael, how are you?</style>'
    )
    async with converse(
        world.server, tts_url=world.tts_url, stt_url=world.stt_url, language="en"
    ) as conversation:
        heard = await hear(conversation, text)
    third = heard.size // 3
    # Her voice lies around 190 Hz, his around 110.
    assert pitch(heard[:third]) > 1.3 * pitch(heard[-third:])


@pytest.mark.parametrize(("language", "count", "allowed"), [("en", 2, 2), ("zh", 1, 3)])
async def test_history_ends_where_the_caller_interrupted(
    world: World, language: str, count: int, allowed: int
) -> None:
    """`make bench-history` has the distribution, as the caller heard it on a machine at rest.

    On one with other work a room loses sound, so here the agent's own account tells what was heard.
    """
    rng = random.Random(4)
    interruption = await speech.utterance(
        world.tts_url, INTERRUPTION[language], language=language, voice=speech.VOICES[language][0]
    )
    async with converse(
        world.server, tts_url=world.tts_url, stt_url=world.stt_url, language=language
    ) as conversation:
        found = [
            await barge_in(conversation, language, interruption, rng.uniform(1.0, 5.0))
            for _ in range(count)
        ]
    for each in judge(found, end_of=lambda one: one.played):
        assert TEXTS[language].startswith(each.history)
        assert 0 < len(each.history) < len(TEXTS[language])
        assert abs(each.error) <= allowed, (each.history, each.heard)
