"""What is heard behind a caller, for as long as they are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from agent.wrong import SettingsError
from harness import sounds
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled

from .scenario import Case

BURSTS = ("keyboard", "door", "music", "babble")
KINDS = ("street", *BURSTS)

CROWD = (
    "The train to the coast leaves at a quarter past nine.",
    "I told her that we would come by after lunch.",
    "Nobody knows where the keys of the cellar are.",
)
"""What is said in a babble, by two voices each."""

_SECONDS = 24.0
"""After which it begins anew."""


def check(case: Case) -> None:
    """Refuse a sound that there is not.

    Raises:
        SettingsError: It is neither made nor a file.
    """
    noise = case.scenario.caller.noise
    if noise and noise.sound not in KINDS and not _file(case, noise.sound).is_file():
        raise SettingsError(
            f"Wrong setting in {case.path}: caller.noise.sound: {noise.sound} is neither one of "
            f"{', '.join(KINDS)} nor a WAV file beside the scenario."
        )


def background(case: Case, crowd: Sequence[Samples] = ()) -> Samples:
    """The sound behind the caller of a scenario, at its level: mono s16 at 24 kHz.

    Args:
        case: The scenario.
        crowd: Six sentences that a babble is mixed from.

    Raises:
        SettingsError: The file cannot be read.
    """
    noise = case.scenario.caller.noise
    if noise is None:
        return np.zeros(0, np.int16)
    if noise.sound == "street":
        sound = sounds.street(0, _SECONDS)
    elif noise.sound in BURSTS:
        parts: list[Samples] = []
        while sum(map(len, parts)) < _SECONDS * SAMPLE_RATE:
            parts.append(sounds.noise(noise.sound, len(parts), 0.0, crowd))
        sound = np.concatenate(parts)
    else:
        path = _file(case, noise.sound)
        try:
            read, rate = soundfile.read(path, dtype="int16", always_2d=True)
        except (OSError, RuntimeError) as e:
            raise SettingsError(f"{path} cannot be read as sound: {e}") from e
        sound = resampled(read[:, 0], rate, SAMPLE_RATE)
    return sounds.at_level(sound, sounds.SPEECH - noise.snr)


def _file(case: Case, name: str) -> Path:
    return case.path.parent / name
