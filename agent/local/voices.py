"""Two engines that sound like one service: Kokoro speaks Chinese, hibari English.

hibari's only voice is made from Kokoro's af_heart and is 40 times faster. Kokoro's own English
voices speak too when asked for, with hibari's phonemes, because the licence of Kokoro's usual
phonemiser, espeak-ng (GPL), is not compatible with this project's.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from hibari import Hibari
from misaki.zh import ZHG2P

from .audio import Samples, fade, silence, trim
from .kokoro import Kokoro
from .text import Language, Stretch, stretches

DEFAULTS: dict[Language, str] = {"zh": "zf_xiaoxiao", "en": "heart"}

LEVELS = {
    "af_heart": -21.8,
    "am_michael": -23.3,
    "heart": -24.5,
    "zf_xiaobei": -21.9,
    "zf_xiaoni": -19.0,
    "zf_xiaoxiao": -16.1,
    "zf_xiaoyi": -19.3,
    "zm_yunjian": -21.7,
    "zm_yunxi": -21.6,
    "zm_yunxia": -21.0,
    "zm_yunyang": -24.2,
}
"""Loudness of each voice as its engine makes it, in dBFS: the RMS of a sentence of 10 to 14 words,
pauses left out."""

LEVEL = -21.0
"""Loudness that all are brought to, in dBFS: Chinese and English follow each other in a reply."""

PEAK = 0.95
"""Highest sample after that."""

_ENGLISH = re.compile(r"([A-Za-z](?:[A-Za-z'’ -]*[A-Za-z])?)")


class Voices:
    """All voices in memory.

    Args:
        folder: The folder with Kokoro's files.
        threads: CPU threads of one Kokoro run; hibari needs one.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        logging.getLogger("jieba").setLevel(logging.WARNING)  # it logs each load
        self._kokoro = Kokoro(folder, threads)
        self._hibari = Hibari(voice=DEFAULTS["en"])
        self._chinese = ZHG2P()
        mine = tuple(v for v in self._kokoro.voices if v.startswith(("z", "a", "b")))
        self.names = (*mine, DEFAULTS["en"])

    def stream(
        self,
        text: str,
        *,
        voice: str | None = None,
        language: Language | None = None,
        speed: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[Samples]:
        """Speak text, in pieces that each take a fraction of a second to make.

        Args:
            text: Chinese, English or both.
            voice: One of ``names``, used for its own language; the other language gets its
                default voice.
            language: Language of the text where its characters do not show it.
            speed: Speed relative to the voice's own, 0.5 to 2.
            seed: Seed that makes English come out the same every time; Chinese always does.
        """
        own: Language = "zh" if voice and voice.startswith("z") else "en"
        for stretch in stretches(text, language or (own if voice else "en")):
            name = voice if voice and stretch.language == own else DEFAULTS[stretch.language]
            for piece in self._speak(stretch, name, speed, seed):
                audio = _level(fade(trim(piece)), name)
                yield np.concatenate([audio, silence(stretch.pause / speed)])

    def _speak(
        self, stretch: Stretch, voice: str, speed: float, seed: int | None
    ) -> Iterator[Samples]:
        if stretch.language == "zh":
            yield self._kokoro.speak(self.phonemes(stretch.text), voice, speed)
        elif voice == DEFAULTS["en"]:
            yield from self._hibari.stream(stretch.text, speed, seed)
        else:
            for phonemes in self._hibari.phonemize(stretch.text):
                yield self._kokoro.speak(phonemes, voice, speed)

    @lru_cache(maxsize=256)  # noqa: B019 - one Voices lives as long as the process
    def phonemes(self, text: str) -> str:
        """The phonemes of Chinese text, English words in it included, in Kokoro's alphabet."""
        parts = _ENGLISH.split(text)
        for i, part in enumerate(parts):
            if i % 2:
                parts[i] = " ".join(self._hibari.phonemize(part)).rstrip(".")
            else:
                parts[i] = self._chinese(part)[0]
        return " ".join(part for part in parts if part)


def _level(audio: Samples, voice: str) -> Samples:
    gain = 10 ** ((LEVEL - LEVELS.get(voice, LEVEL)) / 20)
    peak = float(np.abs(audio).max(initial=0.0)) * gain
    return audio * np.float32(gain * min(1.0, PEAK / peak) if peak else 1.0)
