"""What a sound is like, window by window."""

from __future__ import annotations

import numpy as np
import pytest
from livekit.plugins.turn_taking.barge_in.policy import WordsFirst
from livekit.plugins.turn_taking.barge_in.voicing import Voicing
from livekit.plugins.turn_taking.playback.buffer import Samples

from .overlapping import World

SIZE = 768


def add(voicing: Voicing, windows: int, window: Samples, *, voice: bool) -> None:
    for _ in range(windows):
        voicing.add(window, 0.032, voice=voice)


@pytest.mark.parametrize("silence", [1, 7, 30, 100])
def test_silence_after_a_crowd_does_not_make_one_voice_of_it(silence: int) -> None:
    crowd, voicing = World().crowd(SIZE), Voicing()
    add(voicing, 25, crowd, voice=True)
    before = voicing.movement
    assert before < WordsFirst().moving
    add(voicing, silence, np.zeros(SIZE, np.int16), voice=False)
    assert voicing.movement == before
    # A pause that a voice follows is a part of the sound.
    add(voicing, 1, crowd, voice=True)
    assert voicing.movement > before


def test_a_sound_without_a_voice_does_not_move() -> None:
    voicing = Voicing()
    assert voicing.movement == 0.0
    add(voicing, 9, np.zeros(SIZE, np.int16), voice=False)
    assert (voicing.movement, voicing.voiced, voicing.pitched) == (0.0, 0.0, 0.0)
