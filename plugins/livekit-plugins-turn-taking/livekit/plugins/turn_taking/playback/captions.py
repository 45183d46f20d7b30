"""Captions that follow the times of the words, at no more cost than that."""

from __future__ import annotations

import math

from livekit.agents.voice.io import AudioOutput
from livekit.agents.voice.transcription import TranscriptSynchronizer


def follow_times(output: AudioOutput | None) -> None:
    """Have LiveKit's captions not estimate how fast the voice speaks.

    They do so beside the times of the words, ten times for each second of the reply, by 79 Fourier
    transforms each: 15 ms of processor a second of speech, nothing of which is used where the words
    have times. What is below their threshold of silence is not looked at, so all is put below it.
    A text that comes without times is shown at the even rate that LiveKit assumes.

    Args:
        output: What a session plays through, a recorder in front of the captions or not; nothing
            happens if it has no captions.
    """
    while output is not None:
        captions = getattr(output, "_synchronizer", None)
        if isinstance(captions, TranscriptSynchronizer):
            captions._opts.speaking_rate_detector._opts._silence_threshold = math.inf
        output = output.next_in_chain
