"""When the agent takes its turn: real server, real engines, real speech both ways."""

from __future__ import annotations

import numpy as np
import pytest

from harness.recording import SAMPLE_RATE
from harness.turn import ask

from .conftest import World, likeness

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("en", "I would like to know", "what the capital of France is."),
        ("zh", "我想知道", "中国的首都是哪里？"),
    ],
)
async def test_a_pause_to_think_is_not_the_end_of_the_turn(
    world: World, language: str, before: str, after: str
) -> None:
    silence = np.zeros(round(0.8 * SAMPLE_RATE), np.int16)
    spoken = [await world.speech(text, language) for text in (before, after)]
    async with world.join(language) as caller:
        await caller.until("listening", within=60)
        await caller.answer(after=0.0)
        turn = await ask(caller, np.concatenate([spoken[0], silence, spoken[1]]))
        users = [t for t in caller.turns if t["kind"] == "turn"]
    # Not a sound of the agent before all was said, and one turn of it.
    assert turn.answered > turn.asked
    assert len(users) == 1
    # Whisper base mishears a character or two.
    assert likeness(turn.understood, before + after) > 0.6
