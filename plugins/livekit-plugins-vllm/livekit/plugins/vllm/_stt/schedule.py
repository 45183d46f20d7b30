"""When to decode an utterance: the policy between voice activity and recognition.

A recogniser needs 0.1 s (GPU) to 0.9 s (CPU) for an utterance. Waiting for the end of speech to
be certain before asking puts that time after the certainty; asking at the first short pause runs
both at once. The price is a request thrown away whenever the pause was not the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# Silero's own thresholds: a window starts or resumes speech at 0.5, and continues it above 0.35.
VOICE_ON = 0.5
VOICE_STAYS = 0.35

# The shortest answer people give ("mm", "嗯") is voiced for some 0.15 s; a click for less than 0.1.
MIN_VOICED = 0.1

# With a first word somebody who speaks over the agent stops it: it is asked for early, and again.
# A server that streams does so by itself; Parley's own has EARLY and PATIENCE, too (agent/local).
FIRST = 0.25
"""Seconds of voice that the first decode takes; the detector notices a voice some 0.05 s late. For
the first 0.2 to 0.35 s of four sentences Whisper base wrote words in 15 of 16 decodes, probable
ones (:data:`.recognition.PROBABLE`) in 8; counted by no command of this repository."""
EARLY = 0.1
"""Seconds of new audio that a decode is worth while there is no word."""
PATIENCE = 2.0
"""Seconds of voice after which no word is expected soon: a crowd never gives one."""
PROMPT = 0.5
"""Seconds that a decode may take for words to be asked for early; one that takes longer has the
first word hardly sooner than the pause would."""


@dataclass(frozen=True)
class Job:
    """One request to the recogniser.

    Attributes:
        number: Counts the requests of one utterance from 1.
        covers: Seconds of the utterance's audio that the request includes.
        speculative: Asked at a pause that may not be the end; more speech makes it worthless.
    """

    number: int
    covers: float
    speculative: bool


@dataclass(frozen=True)
class Start:
    """Send everything heard so far to the recogniser."""

    job: Job


@dataclass(frozen=True)
class Cancel:
    """Close the request at once: its result is no longer needed."""

    job: Job


@dataclass(frozen=True)
class Emit:
    """Hand out the last result; ``nothing`` when no decode was worth asking for."""

    kind: Literal["interim", "preflight", "final", "nothing"]


Action: TypeAlias = Start | Cancel | Emit


class DecodeScheduler:
    """Decides, for one utterance, what to decode and what a result means.

    Pure: its only clock is the audio itself (windows of voice activity, in seconds), so it is
    driven in tests without time passing. At most one job runs at once.

    Args:
        speculate_after: Seconds of silence after which the utterance is decoded although its end
            is not yet confirmed; ``None`` waits for the confirmation.
        interim_interval: Seconds of audio between decodes while speech goes on; 0 for none.
        first_word: Whether a first word is asked for early, too.
        decode_time: Seconds that a decode is expected to take, ``None`` if unknown. Interim
            decodes are left out when it is unknown or more than half of the interval: one still
            running at the pause would delay the final transcript by up to its own length. Until
            there is a word they are left out only when it is more than ``PROMPT``: a pause ends
            them, and there are few.
        audio: Seconds of audio already heard (the pre-roll and the onset).
        voiced: Seconds of it that are voice.
    """

    def __init__(
        self,
        *,
        speculate_after: float | None,
        interim_interval: float = 0.0,
        first_word: bool = True,
        decode_time: float | None = None,
        audio: float = 0.0,
        voiced: float = 0.0,
    ) -> None:
        self._speculate_after = speculate_after
        affordable = decode_time is not None and decode_time * 2 <= interim_interval
        self._interim_interval = interim_interval if affordable else 0.0
        prompt = decode_time is not None and decode_time <= PROMPT
        # Whether a first word is still to be had.
        self._wordless = first_word and bool(interim_interval) and prompt
        self._audio = audio
        self._voiced = voiced
        self._voice_end = audio
        self._last_probability = 1.0
        self._jobs = 0
        self._asked = 0.0
        self._running: Job | None = None
        self._result: Job | None = None
        self._ended = False

    @property
    def audio(self) -> float:
        """Seconds of audio heard."""
        return self._audio

    @property
    def voiced(self) -> float:
        """Seconds of audio that are voice."""
        return self._voiced

    @property
    def voice_end(self) -> float:
        """Where, in seconds of the utterance's audio, the voice was last heard."""
        return self._voice_end

    @property
    def paused(self) -> bool:
        """Whether the voice has been silent long enough to speculate."""
        pause = self._speculate_after
        return pause is not None and self._audio - self._voice_end >= pause - 1e-6

    @property
    def seeks_word(self) -> bool:
        """Whether a first word is asked for early, as there is none yet."""
        return self._wordless and self._voiced < PATIENCE

    def window(self, probability: float, seconds: float) -> list[Action]:
        """Account for one more window of audio.

        Args:
            probability: Probability of voice in the window, 0 to 1.
            seconds: The window's length.
        """
        self._audio += seconds
        if self._is_voice(probability):
            return self._on_voice(seconds)
        if self.paused and self._asked <= self._voice_end and self._voiced >= MIN_VOICED:
            return [*self._drop_running(), self._start(speculative=True)]
        return []

    def end(self) -> list[Action]:
        """The voice activity detector confirmed the end of speech."""
        self._ended = True
        if self._voiced < MIN_VOICED:
            return [*self._drop_running(), Emit("nothing")]
        if self._covers_all(self._result):
            return [Emit("final")]
        if self._covers_all(self._running):
            return []
        return [*self._drop_running(), self._start()]

    def done(self, job: Job, *, words: bool = True) -> list[Action]:
        """A decode has its result. A cancelled job's result is ignored.

        Args:
            job: The decode.
            words: Whether it has words that can be believed.
        """
        if job is not self._running:
            return []
        self._running, self._result = None, job
        self._wordless = self._wordless and not words
        if self._ended:
            return [Emit("final")]
        return [Emit("preflight" if self.paused and self._covers_all(job) else "interim")]

    def failed(self, job: Job) -> None:
        """An unconfirmed decode failed: the confirmation will ask again."""
        if job is self._running:
            self._running = None
            self._wordless = False  # a server in trouble is not asked ten times a second

    def confirmed(self, job: Job) -> bool:
        """Whether the job's result will be the final transcript."""
        return self._ended and job is self._running

    def _is_voice(self, probability: float) -> bool:
        # In silence one window between the thresholds is the tail of a sound; two are speech.
        was, self._last_probability = self._last_probability, probability
        return probability >= VOICE_ON or min(probability, was) > VOICE_STAYS

    def _on_voice(self, seconds: float) -> list[Action]:
        self._voiced += seconds
        self._voice_end = self._audio
        if self._running is not None and self._running.speculative:
            return self._drop_running()
        return [self._start()] if self._running is None and self._due else []

    @property
    def _due(self) -> bool:
        """Whether it is time for an interim decode."""
        new = self._audio - self._asked
        if self.seeks_word:
            return self._voiced >= FIRST and new >= EARLY
        interval = self._interim_interval
        return bool(interval) and new >= interval and self._voiced >= MIN_VOICED

    def _covers_all(self, job: Job | None) -> bool:
        # One asked with the last of the voice has no silence behind it: words may be cut.
        return job is not None and job.covers > self._voice_end

    def _start(self, *, speculative: bool = False) -> Start:
        self._jobs += 1
        self._asked = self._audio
        self._running = Job(self._jobs, self._audio, speculative)
        return Start(self._running)

    def _drop_running(self) -> list[Action]:
        dropped, self._running = self._running, None
        return [Cancel(dropped)] if dropped is not None else []
