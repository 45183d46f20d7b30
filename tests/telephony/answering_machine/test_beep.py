from __future__ import annotations

import audioop

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.telephony.answering_machine.beep import BeepDetector

RATE = 16_000


def tone(frequency: float, seconds: float, level: float = 0.3) -> NDArray[np.int16]:
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * frequency * t) * level * 32767).astype(np.int16)


def quiet(seconds: float) -> NDArray[np.int16]:
    return np.random.default_rng(1).normal(0, 30, round(seconds * RATE)).astype(np.int16)


def found(*parts: NDArray[np.int16], coded: bool = False, frame: int = 160) -> list[float]:
    """When beeps were reported, in seconds."""
    sound = np.concatenate(parts)
    if coded:  # to 8 kHz mu-law and back
        line, _ = audioop.ratecv(sound.tobytes(), 2, 1, RATE, 8000, None)
        line = audioop.ulaw2lin(audioop.lin2ulaw(line, 2), 2)
        sound = np.frombuffer(audioop.ratecv(line, 2, 1, 8000, RATE, None)[0], np.int16)
    detector = BeepDetector(RATE)
    return [
        (start + frame) / RATE
        for start in range(0, len(sound), frame)
        if detector.push(sound[start : start + frame])
    ]


@pytest.mark.parametrize("frequency", [425, 440, 800, 1000, 1016, 1400, 2000])
@pytest.mark.parametrize("seconds", [0.25, 0.6, 1.2])
@pytest.mark.parametrize("coded", [False, True])
def test_a_beep_is_reported_once_when_it_ends(
    frequency: float, seconds: float, coded: bool
) -> None:
    (at,) = found(quiet(1.0), tone(frequency, seconds), quiet(0.5), coded=coded)
    assert 1.0 + seconds <= at + 0.04
    assert at <= 1.0 + seconds + 0.1


def test_a_quiet_beep_is_heard_over_the_noise_of_the_line() -> None:
    assert len(found(quiet(0.5), tone(1000, 0.5, level=0.03), quiet(0.5))) == 1


@pytest.mark.parametrize(
    "sound",
    [
        tone(1000, 0.1),  # too short
        tone(120, 1.0),  # hum
        tone(697, 0.3, 0.2) + tone(1209, 0.3, 0.2),  # a key, which has two tones
        tone(350, 1.0, 0.2) + tone(440, 1.0, 0.2),  # a dial tone
    ],
)
def test_other_sounds_are_no_beep(sound: NDArray[np.int16]) -> None:
    assert found(quiet(0.5), sound, quiet(0.5)) == []


def test_a_sung_note_that_glides_is_no_beep() -> None:
    t = np.arange(RATE) / RATE
    glide = np.sin(2 * np.pi * (500 * t + 150 * t**2)) * 9000
    assert found(glide.astype(np.int16), quiet(0.5)) == []
