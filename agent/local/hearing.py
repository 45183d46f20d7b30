"""One utterance while it is spoken: when to decode it again, and which of its words are sure.

Whisper takes whole recordings only, so all of the utterance so far is decoded again and again as it
grows. A word is sure once two decodes in a row have it (LocalAgreement: Macháček et al., "Turning
Whisper into Real-Time Transcription System", 2023), except at the end of the later one, where it
may be cut in two: in a pause it is not. Its capitals and punctuation may differ: they change while
a sentence grows. Later decodes begin with the sure words and write only what follows.

What was given out cannot be taken back. Where a later decode contradicts it, it stands for what was
said until then, and only what the decode has after that is given out, so that nothing which follows
is lost or doubled. The text at the end is that of the last decode alone.

The first word matters most: with it a person who speaks over the agent stops it. So an utterance is
decoded early and often until a word of it is sure.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import numpy as np

from .whisper import SAMPLE_RATE
from .words import following, same, words

# The plugin that asks a batch recogniser early has EARLY, PATIENCE and PROBABLE, too, for the same
# reasons. This process does not import it: with LiveKit's library it would take 80 MB more.

FIRST = 0.3
"""Seconds of speech, by its level, that the first decode takes: a word. The plugin, whose voice
detector is sure of a voice some 0.05 s after its beginning, counts 0.25 s of voice."""

EARLY = 0.1
"""Seconds of new audio that a decode is worth while no word is sure."""

PATIENCE = 2.0
"""Seconds of speech after which it is given up to have a word soon: a crowd never gives one."""

PROBABLE = 0.41
"""Least confidence in a text for a word of it to be given out: a mean log probability of -0.9. What
there is to go by is measured in :attr:`.Utterance.confidence`."""

STEP = 0.4
"""Seconds of new audio that a decode is worth from then on: one or two words."""

CONTEXT = 0.9
"""Seconds of speech from which on a decode knows its first words well enough for later ones to
begin with them. What is sure earlier is given out, as it tells that somebody says something."""

REST = 2.0
"""How long to rest after a decode, as a multiple of the time it took, except early. A speaker then
takes at most a third of the processor; when others use it too, decodes take longer and come less
often."""

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


class Hearing:
    """The audio and the text of one utterance; its clock is the caller's."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._measured = 0  # samples whose level is known
        self._loudest = 0.0
        self._began = 0  # samples before the first that is not quiet
        self._voiced = 0  # samples up to the end of the last that is not quiet
        self._heard = 0  # samples that the last text covers
        self._tried = 0  # samples that the last decode covered
        self.rested = 0.0
        """When the processor has had its rest from the last decode, on the caller's clock."""
        self.text = ""
        """What the last decode wrote."""
        self.sure = ""
        """The words that were given out."""
        self.begun = ""
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
                if not self._voiced:
                    self._began = self._measured - _WINDOW
                self._voiced = self._measured

    def due(self, now: float) -> bool:
        """Whether to decode: there is new speech, and either a pause or it is time."""
        if self._voiced <= self._heard:
            return False
        if self._quiet > HESITATION:
            return self.paused
        new = (self.samples - max(self._tried, self._began)) / SAMPLE_RATE
        step = STEP if not self.early else EARLY if self._tried else FIRST
        return now >= self.rested and new >= step

    def audio(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """All of the audio, from -1 to 1."""
        return self._float(0, self.samples)

    def decoded(
        self,
        text: str | None,
        samples: int,
        *,
        confidence: float = 1.0,
        opening: str = "",
        spoken: bool = False,
        over: bool = True,
        seconds: float,
        now: float,
    ) -> str:
        """Take a decode's text, and return the words that have become sure.

        Args:
            text: The text of the first ``samples``, or None if it cannot be trusted.
            samples: How many samples the decode covered.
            confidence: How probable the text is to the model, 0 to 1.
            opening: The words that the sound begins with, whether what follows is trusted or not.
            spoken: Whether somebody says them, as far as one decode can tell. The last of them may
                be cut in two, but somebody says something.
            over: Whether the sound was over. No words in the middle of it are no text: a "stop" is
                written only once the quiet after it is heard, too.
            seconds: How long it took, in seconds.
            now: The time on the caller's clock, in seconds.
        """
        known = self._heard >= self._began + CONTEXT * SAMPLE_RATE
        self._tried = samples
        heard = words(text or "")
        trusted = text is not None and (bool(heard) or over)
        pairs = zip(heard, words(self.text), strict=False)
        agreed = [word for word, _ in takewhile(lambda pair: same(*pair), pairs)] if trusted else []
        settled = agreed[: len(heard) - 1]
        paused = samples - self._voiced >= PAUSE * SAMPLE_RATE
        given: list[str] = []
        if spoken and not self.sure:
            given = words(opening)
        elif confidence >= PROBABLE:
            given = agreed if paused else settled
        new = "".join(following(given, words(self.sure))) if given else ""
        self.sure += new
        if given and known and trusted and (begun := "".join(settled)).startswith(self.begun):
            self.begun = begun
        if trusted:
            self.text, self._heard = text or "", samples
        elif text is not None:
            self.text = ""  # what comes after it is not the second of two in a row
        self.rested = now + (0.0 if self.early else REST * seconds)
        return new

    @property
    def early(self) -> bool:
        """Whether no word is sure yet, and it is not given up to have one soon."""
        return not self.sure and self._tried < self._began + PATIENCE * SAMPLE_RATE

    @property
    def _quiet(self) -> float:
        """Seconds since the last sound that may be speech."""
        return (self._measured - self._voiced) / SAMPLE_RATE

    def _float(self, start: int, end: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        pcm = np.frombuffer(bytes(self._pcm[2 * start : 2 * end]), "<i2").astype(np.float32)
        pcm /= 32768
        return pcm
