"""Sound over the agent's speech: its voice is lowered, the sound judged, and the agent stopped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from livekit import rtc
from livekit.agents import stt, vad

from ..playback.buffer import Samples
from ..playback.sink import SAMPLE_RATE
from .echo import likeness
from .policy import BargeInPolicy, Evidence, Verdict
from .voicing import Voicing, loudness
from .words import tokens

WINDOW = 0.032
"""Seconds that Silero judges at once."""
_APART = 0.4
"""Silence between two sounds, in seconds; shorter ones are pauses within one."""
_REMEMBERED = 3.0
"""Silence after which no transcript of a sound is expected, in seconds."""
_ANSWER = 1.0
"""A word in the last second of the agent's speech may be the answer to it, in seconds."""
_COMPARED = 10
"""Windows of 32 ms that are compared with what was played. Of 120 pairs of clips, 0.32 s of another
voice were at most 0.33 alike, of an echo at least 0.37 (in a simulated room) or 0.46 (without). The
likeness of fewer counts by the root of their number: by chance, 81 of 100 voices are 0.4 alike to
some part of what was played for a window or two. So it is 2 of 100, and of 342 echoes 82 % are
known after three windows, 95 % after five."""
_FADING = 0.7
"""Of the likeness a window earlier, what still counts: one of an echo is below 0.4 now and then,
two in a row are not."""
_SILENT = 0.1
"""Amplitude of what is not yet part of a sound, of its loudest window."""
_DELAY = 1.4
"""Longest delay of an echo, in seconds, the way to the user and back included: 0.2 on a machine at
rest, one second on one with more work than cores. Up to 1.4 the same Fourier transform serves."""
_ECHO_TAIL = 0.5
"""Seconds that an echo can begin after the agent's last sound: 0.4 in a large room, and the way to
the user and back."""
_ECHO_OVER = 0.3
"""Likeness below which an echo is no longer all that is heard."""
_EAR = 1.0
"""Seconds to the first words that are allowed for until that was seen once: Whisper base on two
cores takes 1.1 to 1.9 over the agent's speech."""


class Stage(Protocol):
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
    turn: bool
    """Whether it begins a turn of the user's."""
    ducked: float | None
    decided: float


@dataclass
class _Sound:
    began: float
    last_voice: float
    ducked: float | None = None
    voicing: Voicing = field(default_factory=Voicing)
    echo: float = 0.0
    alike: float = 0.0
    """Greatest likeness to what was played, so far."""
    said: str = ""
    words: tuple[str, ...] = ()
    echoed: int = 0
    """Words at the beginning that were an echo's."""
    words_at: float = 0.0
    final: bool = False
    verdict: Verdict | None = None
    held: list[stt.SpeechEvent] = field(default_factory=list)
    """What the ear said of it while it was not judged."""
    nod: list[stt.SpeechEvent] = field(default_factory=list)
    """What the ear said of a backchannel, which is an answer if the agent is just at its end."""

    @property
    def spoken_into(self) -> bool:
        """Whether somebody speaks into what was an echo; what they say is a sound of its own."""
        return self.verdict is Verdict.ECHO and self.echo < _ECHO_OVER <= self.alike


class OverlapTracker(rtc.EventEmitter[Literal["judged", "answered"]]):
    """Watches what is heard while the agent speaks, and acts on what a policy makes of it.

    Transcripts of a sound that is not (yet) an interruption are held back: they are no turn of
    the user's. Time passes with the microphone's windows, so there is no timer to be owned.
    ``judged`` is emitted with a :class:`Judged` for each judgement, ``answered`` with each event
    of the ear that was held back and turns out to be the user's turn.

    Args:
        stage: The agent's speech.
        policy: Judges.
        doubt: Silence after a stop without words before the agent goes on, in seconds, beside the
            time that the ear usually takes.
        threshold: Least probability of a voice.
        ear: How long the ear takes to its first words, in seconds, if that is known beforehand.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(
        self,
        stage: Stage,
        policy: BargeInPolicy,
        *,
        doubt: float,
        threshold: float,
        ear: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._stage = stage
        self._policy = policy
        self._doubt = doubt
        self._threshold = threshold
        self._clock = clock
        self._speaking = False
        self._spoke_until = 0.0
        self._sound: _Sound | None = None
        self._stopped = False
        self._windows: deque[Samples] = deque(maxlen=_COMPARED)
        self._ear = ear
        self._voice_began: float | None = None
        self._usual: float | None = None

    def on_agent(self, speaking: bool) -> None:
        """Learn that the agent begins to speak, or falls silent."""
        if speaking == self._speaking:
            return
        self._speaking = speaking
        if speaking:
            self._sound = None
            self._stopped = False
            self._windows.clear()
        else:
            self._spoke_until = self._clock()
            if self._sound and self._sound.verdict is None and not self._stopped:
                self._stage.duck(False)  # or the next reply would be lowered, too

    def on_listening(self) -> None:
        """Learn that the agent waits for the user, who may have answered before it was silent."""
        sound = self._sound
        if sound is None or self._stopped or not sound.final or not sound.words:
            return
        if self._is_turn(sound, self._clock()):
            self._sound = None
            for event in (*sound.nod, *sound.held):
                self.emit("answered", event)

    def on_voice(self, event: vad.VADEvent) -> None:
        """Take a window of the microphone."""
        now = self._clock()
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._voice_began = now - event.speech_duration
        if event.type is not vad.VADEventType.INFERENCE_DONE:
            return
        voice = event.probability >= self._threshold
        if self._sound is None and not voice and not self._speaking:
            return
        window = np.concatenate([np.frombuffer(f.data, np.int16) for f in event.frames])
        self._windows.append(window)
        if voice and self._is_new(now):
            at = now - window.size / SAMPLE_RATE
            # Who begins while the agent is silent has a turn, whatever was heard before.
            self._sound = _Sound(began=at, last_voice=at) if self._speaking else None
        sound = self._sound
        if sound is None:
            if voice and not self._speaking:
                self._learn_loudness(window)
            return
        if voice:
            sound.last_voice = now
        if self._speaking and (sound.verdict is None or (sound.verdict is Verdict.ECHO and voice)):
            self._weigh(sound, window, voice=voice)
            # What only its words told to be an echo, other words can tell not to be one.
            if sound.verdict is None or sound.alike >= _ECHO_OVER:
                self._judge(sound, now)
        self._check_false_stop(now)

    def on_transcript(self, event: stt.SpeechEvent) -> list[stt.SpeechEvent]:
        """Take an event of the ear and return those that may pass."""
        if event.type not in (
            stt.SpeechEventType.INTERIM_TRANSCRIPT,
            stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
            stt.SpeechEventType.FINAL_TRANSCRIPT,
        ):
            return [event]
        now = self._clock()
        text = event.alternatives[0].text if event.alternatives else ""
        final = event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
        if text:
            self._learn_ear(now)
        if text and self._speaking and self._sound is None:
            # The ear has heard what the detector took for no voice.
            self._sound = _Sound(began=now, last_voice=now)
            if self._windows:
                self._weigh(self._sound, self._windows[-1], voice=False)
        sound = self._sound
        if sound is None or now - sound.last_voice > _REMEMBERED:
            return [event]
        self._take_words(sound, text, final, now)
        if self._stopped and sound.verdict is not None:
            return self._pass_after_stop(sound, event, final)
        if not self._speaking and self._is_turn(sound, now):
            self._sound = None
            return [*sound.held, event]
        sound.held.append(event)
        self._judge(sound, now)
        if sound.verdict is None:
            return []
        held, sound.held = sound.held, []
        if sound.verdict is Verdict.BACKCHANNEL:
            sound.nod += held
        return held if sound.verdict.stops else []

    def _is_new(self, now: float) -> bool:
        """Whether a voice begins a sound of its own."""
        sound = self._sound
        if sound is None:
            return True
        if not self._speaking:
            echo = sound.verdict is Verdict.ECHO and now - self._spoke_until < _ECHO_TAIL
            if echo or self._stopped:  # the stop may have been false
                return False
        return sound.verdict is not None and now - sound.last_voice >= _APART

    def _weigh(self, sound: _Sound, window: Samples, *, voice: bool) -> None:
        """Find out what a sound is like."""
        sound.voicing.add(window, window.size / SAMPLE_RATE, voice=voice)
        levels = [float(np.std(w)) for w in self._windows]
        first = next(i for i, level in enumerate(levels) if level >= _SILENT * max(levels))
        heard = np.concatenate(list(self._windows)[first:])
        alike = likeness(heard, self._stage.played(_COMPARED * WINDOW + _DELAY))
        compared = len(self._windows) - first
        sound.echo = max(alike * (compared / _COMPARED) ** 0.5, _FADING * sound.echo)
        sound.alike = max(sound.alike, sound.echo)

    def _judge(self, sound: _Sound, now: float) -> None:
        if sound.spoken_into:
            sound.began, sound.ducked, sound.verdict = now - WINDOW, None, None
            sound.voicing, sound.alike = Voicing(), 0.0
            sound.echoed = len(sound.words)
        verdict = self._policy.judge(self._evidence(sound, now))
        if verdict is None and sound.verdict is None and sound.ducked is None:
            sound.ducked = round(now - sound.began, 3)
            self._stage.duck(True)
        if verdict is None or verdict is sound.verdict:
            return
        if verdict.stops and self._speaking:
            self._stopped = True  # the stage may say at once that the agent is silent
            if not self._stage.stop():
                self._stopped = False
                return
        sound.verdict = verdict
        self._stage.duck(False)
        self._tell(verdict.value, verdict.stops, sound, now)

    def _evidence(self, sound: _Sound, now: float) -> Evidence:
        level = None
        voicing = sound.voicing
        if self._usual is not None and voicing.loudness is not None:
            level = voicing.loudness - self._usual
        return Evidence(
            lasted=now - sound.began,
            voiced=voicing.voiced,
            quiet=now - sound.last_voice,
            pitched=voicing.pitched,
            movement=voicing.movement,
            level=level,
            echo=sound.echo,
            words=sound.words[sound.echoed :],
            since_words=now - sound.words_at,
            final=sound.final,
            spoken=self._stage.spoken(),
            ear=self._ear,
        )

    def _take_words(self, sound: _Sound, text: str, final: bool, now: float) -> None:
        words = tokens(f"{sound.said} {text}")
        if words != sound.words:
            sound.words, sound.words_at = words, now
        sound.final = final
        if final:
            sound.said = f"{sound.said} {text}"

    def _is_turn(self, sound: _Sound, now: float) -> bool:
        """Whether a sound is the user's turn because the agent has come to its end."""
        if sound.verdict is None:
            return self._policy.judge(self._evidence(sound, now)) is not Verdict.ECHO
        return sound.verdict is Verdict.BACKCHANNEL and sound.began >= self._spoke_until - _ANSWER

    def _pass_after_stop(
        self, sound: _Sound, event: stt.SpeechEvent, final: bool
    ) -> list[stt.SpeechEvent]:
        if not final or sound.verdict is Verdict.STOP_WORD:
            return [event]
        verdict = self._policy.judge(self._evidence(sound, self._clock()))
        if verdict is None or verdict.stops:
            self._sound = None
            return [event]
        self._undo_stop(sound)
        return []

    def _check_false_stop(self, now: float) -> None:
        """Go on speaking if there were no words to what the agent was stopped by."""
        sound = self._sound
        if sound is None:
            return
        quiet = now - sound.last_voice
        if self._stopped and not sound.words and quiet >= (self._ear or _EAR) + self._doubt:
            self._undo_stop(sound)
        elif quiet > _REMEMBERED:
            self._sound = None

    def _undo_stop(self, sound: _Sound) -> None:
        self._tell("false stop", False, sound, self._clock())
        self._sound = None
        self._stopped = False
        self._stage.resume()

    def _tell(self, verdict: str, turn: bool, sound: _Sound, now: float) -> None:
        self.emit("judged", Judged(verdict, turn, sound.ducked, round(now - sound.began, 3)))

    def _learn_ear(self, now: float) -> None:
        if self._voice_began is not None:
            took = min(now - self._voice_began, 3.0)
            self._ear = took if self._ear is None else (self._ear + took) / 2
            self._voice_began = None

    def _learn_loudness(self, window: Samples) -> None:
        level = loudness(window)
        self._usual = level if self._usual is None else self._usual + 0.05 * (level - self._usual)
