"""A user, a recogniser, the agent's speech, and a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from livekit import rtc
from livekit.agents import LanguageCode, stt, vad
from livekit.plugins.turn_taking.barge_in.hunch import Guess
from livekit.plugins.turn_taking.barge_in.policy import BargeInPolicy, WordsFirst
from livekit.plugins.turn_taking.barge_in.sound import WINDOW
from livekit.plugins.turn_taking.barge_in.tracker import Judged, OverlapTracker
from livekit.plugins.turn_taking.barge_in.transcript_gate import TranscriptGate
from livekit.plugins.turn_taking.languages.phrases import tokens
from livekit.plugins.turn_taking.playback.buffer import Samples
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT


class World:
    """A user, a recogniser, the agent's speech, and a clock that only tests move."""

    def __init__(
        self,
        stt_latency: float | None = None,
        guess: Guess | None = None,
        policy: BargeInPolicy | None = None,
    ) -> None:
        self.now = 100.0
        self.did: list[tuple[float, str]] = []
        self.passed: list[str] = []
        self.judged: list[Judged] = []
        self.may_stop = True
        self.sound: Samples = np.zeros(0, np.int16)
        self.overlap = OverlapTracker(
            self,
            policy or WordsFirst(),
            doubt=1.0,
            threshold=0.5,
            stt_latency=stt_latency,
            guess=guess,
            clock=lambda: self.now,
        )
        self.overlap.on("judged", self.judged.append)
        self.gate = TranscriptGate(self.overlap)
        self.gate.on("answered", self._passed)
        self._began = self.now
        self._rng = np.random.default_rng(1)
        self._spoken = -1

    @property
    def verdicts(self) -> list[str]:
        return [judged.verdict for judged in self.judged]

    def speak(self) -> None:
        """The agent begins to speak; times are told from here."""
        self.overlap.on_agent(True)
        self.did.clear()
        self._began = self.now

    # What an overlap does to the agent's speech.
    def duck(self, ducked: bool) -> None:
        self._did("duck" if ducked else "raise")

    def stop(self) -> bool:
        if self.may_stop:
            self._did("stop")
            self.overlap.on_agent(False)
        return self.may_stop

    def resume(self) -> None:
        self._did("resume")

    def played(self, seconds: float) -> Samples:
        return (
            np.resize(self.sound, round(seconds * SAMPLE_RATE)) if self.sound.size else self.sound
        )

    def spoken(self) -> Sequence[str]:
        return tokens("the old museum by the river")

    def _did(self, what: str) -> None:
        self.did.append((round(self.now - self._began, 3), what))

    # What is heard.
    def hear(self, windows: int, make: Callable[[int], Samples] | None = None) -> None:
        """A voice for so many windows of 32 ms."""
        for _ in range(windows):
            self._window(0.9, (make or self._voice)(round(WINDOW * SAMPLE_RATE)))

    def silence(self, windows: int, make: Callable[[int], Samples] | None = None) -> None:
        """No voice for so many windows of 32 ms."""
        for _ in range(windows):
            size = round(WINDOW * SAMPLE_RATE)
            self._window(0.05, make(size) if make else np.zeros(size, np.int16))

    def words(
        self,
        text: str,
        kind: stt.SpeechEventType = INTERIM,
        language: str = "en",
        confidence: float = 0.0,
    ) -> None:
        data = stt.SpeechData(LanguageCode(language), text, confidence=confidence)
        event = stt.SpeechEvent(type=kind, alternatives=[data])
        for passed in self.gate.on_transcript(event):
            self._passed(passed)

    def _passed(self, event: stt.SpeechEvent) -> None:
        self.passed.append(event.alternatives[0].text)

    def end(self) -> None:
        """The agent comes to its end, and waits."""
        self.overlap.on_agent(False)
        self.gate.on_listening()

    def _voice(self, size: int) -> Samples:
        """Vowels at 150 Hz and a consonant by turns, and breath that no two windows share."""
        at = np.arange(size) / SAMPLE_RATE
        self._spoken = (self._spoken + 1) % 3
        overtones, breath = [(9, 60), (2, 10), (0, 300)][self._spoken]
        tone = sum(np.sin(2 * np.pi * 150 * k * at) / k for k in range(1, overtones))
        return (2000 * tone + self._rng.normal(0, breath, size)).astype(np.int16)

    def crowd(self, size: int) -> Samples:
        """Six voices at once, as one is when it stays the same."""
        at = np.arange(size) / SAMPLE_RATE
        tone = sum(np.sin(2 * np.pi * 150 * k * at) / k for k in range(1, 9))
        return (2000 * tone + self._rng.normal(0, 200, size)).astype(np.int16)

    def _window(self, probability: float, samples: Samples) -> None:
        self.now += WINDOW
        frame = rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, samples.size)
        self.detect(vad.VADEventType.INFERENCE_DONE, probability, [frame])

    def detect(
        self,
        kind: vad.VADEventType,
        probability: float = 0.0,
        frames: Sequence[rtc.AudioFrame] = (),
    ) -> None:
        """What the detector tells."""
        event = vad.VADEvent(
            type=kind,
            samples_index=0,
            timestamp=0.0,
            speech_duration=0.0,
            silence_duration=0.0,
            frames=list(frames),
            probability=probability,
        )
        self.overlap.on_voice(event)
        self.gate.on_voice()


def echoes(world: World) -> Callable[[int], Samples]:
    """Let the agent play a sound, and return what makes its echo."""
    world.sound = np.random.default_rng(2).normal(0, 3000, 2 * SAMPLE_RATE).astype(np.int16)
    at = 3000

    def echo(size: int) -> Samples:
        nonlocal at
        at += size
        return (world.sound[at - size : at] * 0.2).astype(np.int16)

    return echo


def learn_slow_stt(world: World) -> None:
    """Say something to a silent agent whose first words take 1.2 s."""
    world.overlap.on_agent(False)
    world.detect(vad.VADEventType.START_OF_SPEECH)
    world.now += 1.2
    world.words("Hello.", FINAL)
    world.now += 5.0
