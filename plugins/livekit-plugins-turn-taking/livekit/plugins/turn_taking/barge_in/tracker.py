"""Sound over the agent's speech: its voice is lowered, the sound judged, and the agent stopped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from livekit import rtc
from livekit.agents import vad

from ..languages.tags import language_of
from ..playback.buffer import Samples
from ..playback.sink import SAMPLE_RATE
from .guessing import Guessing
from .hunch import Guess
from .policy import BargeInPolicy, Evidence, Verdict, WantsHunches
from .sound import COMPARED, PLAYED, Sound
from .stt_latency import SttLatency
from .voicing import loudness

_APART = 0.4
"""Silence between two sounds, in seconds; shorter ones are pauses within one."""
_FADED = 0.2
"""Silence after a noise without words that was over, in seconds, until a voice is another sound:
who says a short word and, after a moment, goes on would never stop the agent by the sound of it."""
_REMEMBERED = 3.0
"""Silence after which no transcript of a sound is expected, in seconds."""
_ANSWER = 1.0
"""A word in the last second of the agent's speech may be the answer to it, in seconds."""
_ECHO_TAIL = 0.5
"""Seconds that an echo can begin after the agent's last sound: 0.4 in a large room, and the way to
the user and back."""
FALSE_STOP = "false stop"
"""The verdict of a stop that is taken back: there were no words to its sound, or none of a turn."""
_STT_LATENCY = 1.0
"""Seconds to the first words that are allowed for until that was seen once: Whisper base on two
cores takes 1.1 to 1.9 over the agent's speech."""


class Speech(Protocol):
    """What an overlap can do to the agent's speech, and what it asks of it."""

    def duck(self, ducked: bool) -> None:
        """Lower the agent's voice, or raise it again."""

    def stop(self) -> bool:
        """End the agent's speech; False if that is not allowed."""

    def resume(self) -> None:
        """Go on from where it was stopped."""

    def played(self, seconds: float) -> Samples:
        """Return what was played last."""

    def spoken(self) -> Sequence[str]:
        """Return the agent's words of the last seconds, and of the next."""


@dataclass(frozen=True)
class Judged:
    """What became of a sound, for the records; times in seconds from its first voice."""

    verdict: str
    """The value of a :class:`.Verdict`, or :data:`FALSE_STOP`."""
    turn: bool
    """Whether it begins a turn of the user's."""
    ducked: float | None
    decided: float


class OverlapTracker(rtc.EventEmitter[Literal["judged"]]):
    """Watches what is heard while the agent speaks, and acts on what a policy makes of it.

    Time passes with the microphone's windows, so there is no timer to be owned. ``judged`` is
    emitted with a :class:`Judged` for each judgement, after the agent's voice was lowered, raised
    or stopped for it.

    Args:
        speech: The agent's speech.
        policy: Judges.
        doubt: Silence after a stop without words before the agent goes on, in seconds, beside the
            time that the recogniser usually takes.
        threshold: Least probability of a voice.
        stt_latency: How long the recogniser takes to its first words, in seconds, if that is known
            beforehand.
        guess: Tells in a thread what a sound is, before its words are known, if the policy is one
            that :class:`.WantsHunches`; None to go without.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(
        self,
        speech: Speech,
        policy: BargeInPolicy,
        *,
        doubt: float,
        threshold: float,
        stt_latency: float | None = None,
        guess: Guess | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._speech = speech
        self._policy = policy
        self._wants = policy if isinstance(policy, WantsHunches) else None
        self._guessing = Guessing(guess) if guess and self._wants else None
        self._doubt = doubt
        self._threshold = threshold
        self._clock = clock
        self._speaking = False
        self._aside = False
        """Whether what was said last was no reply, so that nothing is an answer to it."""
        self._spoke_until = 0.0
        self.sound: Sound | None = None
        """What is heard over the agent's speech, or was until a moment ago."""
        self._stopped = False
        self._windows: deque[Samples] = deque(maxlen=COMPARED)
        self._stt_latency = SttLatency(stt_latency)
        self._usual_loudness: float | None = None
        self._language = ""

    async def aclose(self) -> None:
        """Guess at no sound any more; may be called twice."""
        if self._guessing:
            await self._guessing.aclose()

    def on_agent(self, speaking: bool, *, aside: bool = False) -> None:
        """Learn that the agent begins to speak, or falls silent.

        Args:
            speaking: Whether it speaks.
            aside: Whether what it says is no reply; without meaning as it falls silent.
        """
        followed = self._aside
        if speaking:
            self._aside = aside
        if speaking == self._speaking:
            return
        self._speaking = speaking
        if speaking:
            sound = self.sound
            if not followed or self._stopped or (sound and sound.is_turn):
                self.sound = None
            # The words of an aside's echo may be recognised when the reply has begun.
            self._stopped = False
            self._windows.clear()
        else:
            self._spoke_until = self._clock()
            if self.sound and self.sound.verdict is None and not self._stopped:
                self._speech.duck(False)  # or the next reply would be lowered, too

    def on_listening(self) -> Sound | None:
        """Learn that the agent waits for the user.

        Returns:
            A sound whose words are the user's turn, as they were said when the agent was just at
            its end.
        """
        sound = self.sound
        if sound is None or self._stopped or not sound.final or not sound.words or self._aside:
            return None
        return sound if self._becomes_answer(sound, self._clock()) else None

    def on_voice(self, event: vad.VADEvent) -> None:
        """Take a window of the microphone."""
        now = self._clock()
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._stt_latency.on_voice(now - event.speech_duration)
        if event.type is not vad.VADEventType.INFERENCE_DONE:
            return
        voice = event.probability >= self._threshold
        if self.sound is None and not voice and not self._speaking:
            return
        window = np.concatenate([np.frombuffer(f.data, np.int16) for f in event.frames])
        self._windows.append(window)
        if voice and self._is_new(now):
            at = now - window.size / SAMPLE_RATE
            # Who begins while the agent is silent has a turn, whatever was heard before.
            heard = self._speaking or self._may_echo(now)
            self.sound = Sound(began=at, last_voice=at) if heard else None
        sound = self.sound
        if sound is None:
            if voice and not self._speaking:
                self._learn_loudness(window)
            return
        if voice:
            sound.last_voice = now
        # How long a voice goes on counts after a verdict, too: later words are judged by it.
        if sound.verdict is not None and sound.verdict.stops:
            # How alike it was to what was played stays as it was when the agent fell silent.
            if voice:
                sound.add_voice(window)
        elif voice or (self._speaking and sound.verdict is None):
            self._add_window(sound, voice=voice)
        if sound.verdict is Verdict.ECHO and voice:
            if not self._speaking:
                # Who answers into the end of an echo would be taken for it until they pause.
                if sound.spoken_into:
                    self.sound = None
            # What only its words told to be an echo, other words can tell not to be one.
            elif sound.sounds_like_echo:
                self._judge(sound, now)
        elif (self._speaking or self._aside) and sound.verdict is None:
            self._judge(sound, now, guess=True)
        self._check_false_stop(now)

    def on_words(
        self, text: str, *, final: bool, language: str = "", confidence: float = 0.0
    ) -> Sound | None:
        """Take what was recognised, in place of what was not final yet.

        Args:
            text: The words.
            final: Whether later transcripts will leave them out.
            language: Their language, if the recogniser knows it.
            confidence: How probable they are, 0 to 1; 0 if the recogniser does not say.

        Returns:
            The sound whose words they are; None if they are of none over the agent's speech.
        """
        now = self._clock()
        if text:
            self._stt_latency.on_words(now)
        if final:
            self._language = language_of(language, text) or self._language
        if text and self._speaking and self.sound is None:
            # The recogniser has heard what the detector took for no voice.
            self.sound = Sound(began=now, last_voice=now)
            if self._windows:
                self._add_window(self.sound, voice=False)
        sound = self.sound
        if sound is None or now - sound.last_voice > _REMEMBERED:
            return None
        sound.add_words(text, final=final, language=language, confidence=confidence, now=now)
        if self._stopped and sound.verdict is not None:
            self._reconsider_stop(sound, now)
        elif self._speaking or self._aside or not self._becomes_answer(sound, now):
            self._judge(sound, now)
        return sound

    def _may_echo(self, now: float) -> bool:
        """Whether an echo of words aside may begin, though they are over.

        One of a reply has begun by then, if the reply was longer than the way; and whoever answers
        a reply at once is not to be taken for it.
        """
        return self._aside and now - self._spoke_until < _ECHO_TAIL

    def _is_new(self, now: float) -> bool:
        """Whether a voice begins a sound of its own."""
        sound = self.sound
        if sound is None:
            return True
        if not self._speaking:
            echo = sound.verdict is Verdict.ECHO and now - self._spoke_until < _ECHO_TAIL
            if echo or self._stopped:  # the stop may have been false
                return False
        apart = _FADED if sound.faded and not sound.words else _APART
        return sound.verdict is not None and now - sound.last_voice >= apart

    def _add_window(self, sound: Sound, *, voice: bool) -> None:
        sound.add_window(list(self._windows), self._speech.played(PLAYED), voice=voice)

    def _judge(self, sound: Sound, now: float, *, guess: bool = False) -> None:
        if sound.spoken_into:
            sound.begin_again(now)
        evidence = self._evidence(sound, now)
        if guess and self._guessing and self._wants and self._wants.wants_hunch(evidence):
            self._guessing.add(sound, list(self._windows))
        verdict = self._policy.judge(evidence)
        if verdict is None and sound.verdict is None and sound.ducked is None and self._speaking:
            sound.ducked = round(now - sound.began, 3)
            self._speech.duck(True)
        if verdict is None or verdict is sound.verdict:
            return
        if verdict.stops and self._speaking:
            self._stopped = True  # the speech may say at once that the agent is silent
            if not self._speech.stop():
                self._stopped = False
                return
        sound.verdict = verdict
        sound.faded = verdict is Verdict.NOISE and now > sound.last_voice
        self._speech.duck(False)
        self._tell(verdict.value, verdict.stops, sound, now)

    def _evidence(self, sound: Sound, now: float) -> Evidence:
        return sound.evidence(
            now,
            usual_loudness=self._usual_loudness,
            spoken=self._speech.spoken(),
            stt_latency=self._stt_latency.seconds,
            usual_language=self._language,
        )

    def _becomes_answer(self, sound: Sound, now: float) -> bool:
        """Whether a sound is the user's turn because the agent has come to its end."""
        if sound.verdict is None:
            sound.answers = self._policy.judge(self._evidence(sound, now)) is not Verdict.ECHO
        elif sound.began < self._spoke_until - _ANSWER:
            sound.answers = False
        elif sound.verdict is Verdict.NOISE and sound.words:
            # They were doubted; what its words tell to be an echo has no other verdict by now.
            sound.answers = self._policy.judge(self._evidence(sound, now)) is not Verdict.ECHO
        else:
            sound.answers = sound.verdict is Verdict.BACKCHANNEL
        if sound.answers:
            self.sound = None
        return sound.answers

    def _reconsider_stop(self, sound: Sound, now: float) -> None:
        """Take a stop back if all the words of its sound show that it was none."""
        if not sound.final or sound.verdict is Verdict.STOP_WORD:
            return
        verdict = self._policy.judge(self._evidence(sound, now))
        if verdict is None or verdict.stops:
            self.sound = None
        else:
            sound.verdict = verdict
            self._undo_stop(sound, now)

    def _check_false_stop(self, now: float) -> None:
        """Go on speaking if there were no words to what the agent was stopped by."""
        sound = self.sound
        if sound is None:
            return
        quiet = now - sound.last_voice
        latency = self._stt_latency.seconds or _STT_LATENCY
        if self._stopped and not sound.words and quiet >= latency + self._doubt:
            self._undo_stop(sound, now)
        elif quiet > _REMEMBERED:
            self.sound = None

    def _undo_stop(self, sound: Sound, now: float) -> None:
        self._tell(FALSE_STOP, False, sound, now)
        self.sound = None
        self._stopped = False
        self._speech.resume()

    def _tell(self, verdict: str, turn: bool, sound: Sound, now: float) -> None:
        self.emit("judged", Judged(verdict, turn, sound.ducked, round(now - sound.began, 3)))

    def _learn_loudness(self, window: Samples) -> None:
        level = loudness(window)
        usual = self._usual_loudness
        self._usual_loudness = level if usual is None else usual + 0.05 * (level - usual)
