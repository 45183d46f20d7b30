"""Where in a recording each word of a known text ends.

Whisper is not asked what was said, which it may mishear, but where: its attention is aligned with
the text (by dynamic time warping, the method behind its word timestamps).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from faster_whisper import WhisperModel, decode_audio
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer

from agent.models import locate

from . import wav
from .recording import SAMPLE_RATE, Samples, last_sound

_HOP = 0.01
"""Seconds of one of Whisper's feature frames."""

_EARLY = 0.06
"""Seconds by which its attention leaves a word before the word ends: the median of 958 words whose
durations are known from Kokoro's model. What is left is 42 ms at P50 in English, 25 in Chinese."""


class Aligner:
    """Whisper, held in memory, aligning."""

    def __init__(self) -> None:
        self._whisper = WhisperModel(str(locate("stt")), device="cpu", compute_type="int8")

    def ends(self, samples: Samples, words: Sequence[str], language: str) -> list[float]:
        """Find where each word ends.

        Args:
            samples: A recording of 30 s at most, at :data:`SAMPLE_RATE`.
            words: All that is said in it, in order, with punctuation and spaces.
            language: Language of the words, ``en`` or ``zh``.

        Returns:
            The end of each word in seconds; a pause after a word is not part of it.
        """
        if not words:
            return []
        audio = decode_audio(io.BytesIO(wav.encode(samples, SAMPLE_RATE)))
        features = self._whisper.feature_extractor(audio)
        tokenizer = Tokenizer(
            self._whisper.hf_tokenizer, multilingual=True, task="transcribe", language=language
        )
        (found,) = self._whisper.find_alignment(
            tokenizer,
            [tokenizer.encode(" " + "".join(words).strip())],
            self._whisper.encode(pad_or_trim(features)),  # it always hears 30 s
            round(len(samples) / SAMPLE_RATE / _HOP),
        )
        # Whisper's pieces are not ours: both are laid out by the letters they hold.
        letters = [0, *accumulate(_letters(piece["word"]) for piece in found)]
        times = [0.0, *(float(piece["end"]) for piece in found)]
        ends = [
            float(np.interp(done, letters, times)) + _EARLY
            for done in accumulate(_letters(word) for word in words)
        ]
        return [min(end, last_sound(samples, before=end) or end) for end in ends]


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)
