"""A speech that everybody knows, as smart-turn hears it."""

from __future__ import annotations

import soundfile
from livekit.plugins.turn_taking.end_of_turn import smart_turn

from agent.models import locate


def test_a_speech_is_finished_at_its_end_and_not_in_the_middle() -> None:
    judge = smart_turn.load()
    speech, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    assert rate == 16_000
    # "... ask not what your country | can do for you, ask what you can do for your country."
    assert judge(speech) > 0.5
    assert judge(speech[: int(5.3 * rate)]) < 0.5
