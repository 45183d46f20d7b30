"""What a recogniser would have understood of a sentence that is being said.

What the callers say is not what they are understood to say, and a word counts once its end lies in
the sound that was sent: until then, and without a pause behind it, nobody knows of it.
"""

from __future__ import annotations

import io
import re
import wave
from typing import Any

import numpy as np

_WORD = 0.3
"""Seconds of a voice before which there is no word: Whisper base wrote none to be believed of
0.2 s of each of the callers' recordings but one, and of 0.25 to 0.35 s of all of them. What a voice
holds does not change with when the agent asks, so it is no constant of the agent's."""
_PACE = {"en": 0.3, "zh": 0.14}
"""Seconds of a word, and of a Chinese character, with which the sentences of :mod:`.engines` take
the time of the callers' recordings."""
_QUIET = 0.1
"""Seconds without a voice after which the sentence is over. A recogniser is asked so soon."""
_VOICE = 0.003
"""Level, of 1, from which on there is a voice (-50 dBFS)."""
_WINDOW = 0.02


def said(sentence: str, recording: bytes) -> str:
    """The beginning of a sentence that is in a recording; all of it if a pause is behind it.

    Args:
        sentence: All that is going to be said.
        recording: A WAV file of 16 bits a sample and one channel.
    """
    with wave.open(io.BytesIO(recording)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    length = round(_WINDOW * rate)
    windows: np.ndarray[Any, Any] = samples[: samples.size // length * length].reshape(-1, length)
    voiced = np.flatnonzero(np.sqrt((windows**2).mean(axis=1)) >= _VOICE)
    if not voiced.size:
        return ""
    if (len(windows) - 1 - voiced[-1]) * _WINDOW >= _QUIET:
        return sentence
    return beginning(sentence, (voiced[-1] + 1 - voiced[0]) * _WINDOW)


def beginning(sentence: str, seconds: float) -> str:
    """What is said of a sentence in so many seconds of voice."""
    if seconds < _WORD:
        return ""
    english = sentence.isascii()
    pieces = re.split("(?= )", sentence) if english else list(sentence)
    count = int(seconds / _PACE["en" if english else "zh"] + 1e-6)
    return "".join(pieces[:count])
