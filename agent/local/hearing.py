"""One utterance while it is spoken: when to decode it again, and which of its words are sure.

Whisper takes whole recordings only, so all of the utterance so far is decoded again and again as it
grows. A word is sure once two decodes in a row have it, except at the end, where a word may be cut
in two (LocalAgreement: Macháček et al., "Turning Whisper into Real-Time Transcription System",
2023). Its capitals and punctuation may differ: they change while a sentence grows. Later decodes
begin with the sure words and write only what follows.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

import numpy as np

from .whisper import SAMPLE_RATE

FIRST = 0.9
"""Seconds of audio that the first decode takes: less holds two words at most."""

STEP = 0.4
"""Seconds of new audio that a decode is worth: one or two words."""

REST = 2.0
"""How long to rest after a decode, as a multiple of the time it took. A speaker then takes at most
a third of the processor; when others use it too, decodes take longer and come less often."""

PAUSE = 0.1
"""Seconds of quiet after which the utterance may be over. It is decoded at once, so that its text
is there when the client, whose voice detector is slower, asks for it. Within words it is quiet for
less."""

HESITATION = 0.04
"""Seconds of quiet after which no decode is begun, because the quiet may become a pause, whose
decode would then have to wait."""

QUIET = 0.03
"""Level relative to the loudest part (-30 dB): what is fainter is not speech."""

FAINTEST = 0.003
"""Level, of 1, below which nothing is speech (-50 dBFS)."""

_WINDOW = SAMPLE_RATE // 50
_WORD = re.compile(r"\s*(?:[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+)")


class Hearing:
    """The audio and the text of one utterance; its clock is the caller's."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._measured = 0  # samples whose level is known
        self._loudest = 0.0
        self._voiced = 0  # samples up to the end of the last that is not quiet
        self._heard = 0  # samples that the last text covers
        self._tried = 0  # samples that the last decode covered
        self.rested = 0.0
        """When the processor has had its rest from the last decode, on the caller's clock."""
        self.text = ""
        """What the last decode wrote."""
        self.sure = ""
        """The words that all later decodes will begin with."""

    @property
    def samples(self) -> int:
        """Number of samples so far, at 16 kHz."""
        return len(self._pcm) // 2

    @property
    def complete(self) -> bool:
        """Whether the text covers all that was said."""
        return self._heard > 0 and self._voiced <= self._heard

    @property
    def paused(self) -> bool:
        """Whether the utterance may be over."""
        return self._quiet >= PAUSE

    def push(self, pcm: bytes) -> None:
        """Add audio: PCM16, 16 kHz, mono."""
        self._pcm += pcm
        end = self.samples - self.samples % _WINDOW
        windows = self._float(self._measured, end).reshape(-1, _WINDOW)
        for level in np.sqrt((windows**2).mean(axis=1)):
            self._measured += _WINDOW
            self._loudest = max(self._loudest, float(level))
            if level > max(FAINTEST, QUIET * self._loudest):
                self._voiced = self._measured

    def due(self, now: float) -> bool:
        """Whether to decode: there is new speech, and either a pause or it is time."""
        if self._voiced <= self._heard:
            return False
        if self._quiet > HESITATION:
            return self.paused
        new = (self.samples - self._tried) / SAMPLE_RATE
        return now >= self.rested and new >= (STEP if self._tried else FIRST)

    def audio(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """All of the audio, from -1 to 1."""
        return self._float(0, self.samples)

    def decoded(self, text: str | None, samples: int, *, seconds: float, now: float) -> str:
        """Take a decode's text, and return the words that have become sure.

        Args:
            text: The text of the first ``samples``, or None if it cannot be trusted.
            samples: How many samples the decode covered.
            seconds: How long it took, in seconds.
            now: The time on the caller's clock, in seconds.
        """
        self._tried = samples
        self.rested = now + REST * seconds
        if text is None:
            return ""
        pairs = zip(_WORD.findall(text)[:-1], _WORD.findall(self.text)[:-1], strict=False)
        agreed = takewhile(lambda pair: _bare(pair[0]) == _bare(pair[1]), pairs)
        sure = "".join(word for word, _ in agreed)
        self.text, self._heard = text, samples
        if not sure.startswith(self.sure):
            return ""
        new, self.sure = sure[len(self.sure) :], sure
        return new

    @property
    def _quiet(self) -> float:
        """Seconds since the last sound that may be speech."""
        return (self._measured - self._voiced) / SAMPLE_RATE

    def _float(self, start: int, end: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        pcm = np.frombuffer(bytes(self._pcm[2 * start : 2 * end]), "<i2").astype(np.float32)
        pcm /= 32768
        return pcm


def _bare(word: str) -> str:
    return re.sub(r"\W", "", word).casefold()
