"""A voice-activity detector for a session, whose end of speech is the end of the turn.

LiveKit waits after the end of speech for one of two fixed times. Here the detector itself waits,
for as long as :class:`.Endpoint` finds right, and the session commits the turn at once.
Until then the user counts as speaking, and the recogniser's utterance goes on: a pause to think
does not cut a sentence in two. All of it is LiveKit's public interface for detectors.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from livekit import rtc
from livekit.agents import vad
from livekit.agents.utils import aio, log_exceptions

from ..log import logger
from ..microphone import Microphone
from ..options import TurnOptions
from . import smart_turn
from .pauses import Pauses
from .policy import EndpointingPolicy
from .silero import Silero
from .sound import Sound
from .state import LISTEN_AT, Change, Endpoint, Pause, Wait
from .stream import Stream
from .transcript import TurnTranscript
from .voice import HEARD, Judge, Recent

_ONSET = 0.5
"""Seconds before a turn that are handed out with it, and the longest turn that is: what LiveKit's
own detectors give a recogniser that does not stream."""
_LONGEST = 60.0

_WINDOW = 0.032
"""Seconds of sound that Silero judges at once; it waits for the next frame with less."""


@dataclass(frozen=True)
class TurnEnd:
    """The end of a turn, as it is decided."""

    silence: float
    """Seconds since the last voice."""
    pause: Pause
    """What it was decided by."""


class Endpointer(vad.VAD):
    """Ends turns of one person.

    However many streams are open, the microphone is detected once: the first one's sound is. The
    others get the same events, each with its own sound, so that the session and its recogniser may
    both have this detector. Another person needs another one.

    Args:
        microphone: Hears voice; its detector's ``INFERENCE_DONE`` events must carry the
            probability.
        words: What is known of the turn's words, fed by whoever has the recogniser's events.
        wait: The policy.
        judge: Listens to how the voice ends; None to go by the words alone.
        threshold: Probability above which the detector is taken to hear speech.
    """

    def __init__(
        self,
        microphone: Microphone,
        words: TurnTranscript,
        *,
        wait: Wait,
        judge: Judge | None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(capabilities=microphone.detector.capabilities)
        self.microphone = microphone
        """Whose turns these are."""
        self.words = words
        """What is known of the turn's words."""
        self.threshold = threshold
        """Probability above which the detector is taken to hear speech."""
        self.pausing = False
        """Whether each pause is told."""
        self._judge = judge
        self._endpoint = Endpoint(wait, Pauses(), words, threshold=threshold)
        self._streams: list[_Stream] = []  # the first one is detected
        self._recent = Recent(HEARD)
        self._judging: asyncio.Task[None] | None = None
        self._last: vad.VADEvent | None = None
        self._on_end: list[Callable[[TurnEnd], None]] = []
        words.on("changed", self._on_words)

    @classmethod
    def load(cls, options: TurnOptions | None = None, *, wait: Wait | None = None) -> Endpointer:
        """Make one of Silero and smart-turn.

        Args:
            options: Thresholds and waits.
            wait: Tells how long a pause has to be to end the turn; :class:`.EndpointingPolicy` if
                None.

        Raises:
            ModelError: The model file has not been downloaded.
        """
        options = options or TurnOptions()
        return cls(
            Microphone(Silero(threshold=options.vad_threshold, min_silence=options.min_silence)),
            TurnTranscript(),
            wait=wait or EndpointingPolicy(shortest=options.min_delay, longest=options.max_delay),
            judge=smart_turn.load(),
            threshold=options.vad_threshold,
        )

    @property
    def model(self) -> str:
        """The detector's model."""
        return self.microphone.detector.model

    @property
    def provider(self) -> str:
        """Where the detector's model is from."""
        return self.microphone.detector.provider

    def on_end(self, take: Callable[[TurnEnd], None]) -> None:
        """Have a function called as each turn ends, before anybody acts on it."""
        self._on_end.append(take)

    def tell_pauses(self, tell: bool) -> None:
        """Say whether each pause is told as the end of speech, or the end of a turn only."""
        self.pausing = tell
        if tell:
            if self._endpoint.silence >= LISTEN_AT[0]:
                self._tell_end()
        elif self._streams and not self._streams[0].speaking:
            self._endpoint.reset()  # a pause was told as the turn's end: the next voice begins one
        elif not self._endpoint.speaking:
            self._tell_end()  # the turn's end came before the detector was sure of a pause

    def stream(self) -> vad.VADStream:
        """Begin to hear."""
        stream = _Stream(self)
        self._streams.append(stream)
        if stream is self._streams[0]:
            stream.detect()
        return stream

    def hear(self, event: vad.VADEvent) -> None:
        """Take an event of the detector."""
        self.microphone.tell(event)
        if event.type is vad.VADEventType.INFERENCE_DONE:
            self._on_window(event)
        elif self.pausing:
            for stream in self._streams:
                stream.tell(event)

    async def leave(self, stream: _Stream) -> None:
        """Forget a stream; if it was the first one, the next is detected in its place."""
        if stream not in self._streams:
            return
        self._streams.remove(stream)
        if not self._streams:
            self._endpoint.reset()
            self._recent = Recent(HEARD)
            if self._judging:
                await aio.cancel_and_wait(self._judging)
        else:
            self._streams[0].detect()

    def _on_window(self, event: vad.VADEvent) -> None:
        self._last = event
        self._recent.push(event.frames)
        seconds = sum(frame.duration for frame in event.frames)
        change = self._endpoint.window(event.probability, seconds)
        if self._judging and not self._endpoint.silence:
            self._judging.cancel()  # the voice has gone on
        # While pauses are told it is the detector that says when speech begins, but not again when
        # it goes on after a pause that was told sooner than the detector would have.
        speaking = event.speaking if self.pausing else self._endpoint.speaking
        window = dataclasses.replace(event, speaking=speaking)
        first, *others = self._streams
        ahead = first.window(window, seconds)
        for stream in others:
            stream.window(window, seconds, ahead=ahead)
        self._apply(change)

    def _on_words(self) -> None:
        self._apply(self._endpoint.reconsider())

    def _apply(self, change: Change | None) -> None:
        # That a turn begins each stream sees for itself.
        match change:
            case "ends" if not self.pausing:
                end = TurnEnd(self._endpoint.silence, self._endpoint.pause)
                for take in self._on_end:
                    take(end)
                self._tell_end()
            case "pauses" if self._judge and not (self._judging and not self._judging.done()):
                self._listen(self._judge)

    def _listen(self, judge: Judge) -> None:
        @log_exceptions(logger=logger)
        async def listen() -> None:
            self._apply(self._endpoint.judged(await self._recent.judged_by(judge)))

        self._judging = asyncio.create_task(listen(), name="Endpointer.listen")

    def _tell_end(self) -> None:
        if self._last is None:
            return
        end = dataclasses.replace(
            self._last,
            type=vad.VADEventType.END_OF_SPEECH,
            speaking=self._endpoint.speaking,
            speech_duration=self._endpoint.voiced,
            silence_duration=self._endpoint.silence,
            inference_duration=0.0,
        )
        for stream in self._streams:
            stream.tell(end)


class _Stream(Stream):
    """One reader of the events, and the sound that it pushes.

    Speech begins for it with the first voice in a turn that it hears: at the turn's beginning,
    or later if it was opened or flushed in the middle of one.
    """

    def __init__(self, owner: Endpointer) -> None:
        self._owner = owner
        self._sound = Sound()  # that waits for another's to be detected
        self._ahead = 0.0  # seconds of its own that wait for the detector
        self._turn = Recent(_ONSET)
        self.speaking = False
        """As was told last."""
        self._onset = 0.0  # seconds of voice, without a break
        self._flush_in: float | None = None  # seconds of sound
        self._detected: vad.VADStream | None = None
        self._called = asyncio.Event()  # to be the first, or to end
        super().__init__(owner)

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        if self._detected:
            self._ahead += frame.duration
            self._detected.push_frame(frame)
        else:
            self._sound.push(frame)
            self._hand_out()

    def flush(self) -> None:
        # Others go on to hear the turn, and the detector the sound.
        self._flush_in = self._ahead + self._sound.seconds
        self._flush_if_heard()

    def end_input(self) -> None:
        self._input_ch.close()
        if self._detected:
            self._detected.end_input()

    async def aclose(self) -> None:
        await super().aclose()
        await self._leave()  # a task that was cancelled before its first step has not

    def detect(self) -> None:
        """Have this stream's sound detected, from where the one before has left off."""
        if self._detected:
            return
        self._hand_out(all_of_it=True)
        self._detected = self._owner.microphone.detector.stream()
        rest, self._sound = self._sound.rest, Sound()
        for frame in rest:
            self.push_frame(frame)
        if self._input_ch.closed:
            self._detected.end_input()
        self._called.set()

    def window(self, event: vad.VADEvent, seconds: float, *, ahead: float = 0.0) -> float:
        """Take a window that was detected, and return how much sound is pushed that was not."""
        if self._detected:
            self._ahead -= seconds
            self._on_window(event)
        else:
            shared = dataclasses.replace(event, inference_duration=0.0)
            self._sound.wait(shared, seconds, ahead=ahead)
            self._hand_out()
            if self._input_ch.closed and ahead < _WINDOW:
                self._hand_out(all_of_it=True)
                self._called.set()
        return self._ahead

    def tell(self, event: vad.VADEvent) -> None:
        """Take the beginning or the end of speech."""
        self._sound.wait(event)
        self._hand_out()

    async def _main_task(self) -> None:
        try:
            await self._called.wait()
            if self._detected:
                async for event in self._detected:
                    self._owner.hear(event)
        finally:
            await self._leave()

    async def _leave(self) -> None:
        await self._owner.leave(self)
        if self._detected:
            await self._detected.aclose()

    def _hand_out(self, *, all_of_it: bool = False) -> None:
        for event in self._sound.ready(all_of_it=all_of_it):
            if event.type is vad.VADEventType.INFERENCE_DONE:
                # LiveKit gives a recogniser silence while the agent must not be interrupted.
                heard = any(bytes(frame.data).strip(b"\0") for frame in event.frames)
                self._on_window(event if heard else dataclasses.replace(event, probability=0.0))
            else:
                self._on_change(event)

    def _on_window(self, event: vad.VADEvent) -> None:
        self._turn.longest = _LONGEST if self.speaking else _ONSET
        self._turn.push(event.frames)
        self._event_ch.send_nowait(event)
        seconds = sum(frame.duration for frame in event.frames)
        voice = event.probability >= self._owner.threshold
        self._onset = self._onset + seconds if voice else 0.0
        if voice and event.speaking:
            begins = dataclasses.replace(
                event,
                type=vad.VADEventType.START_OF_SPEECH,
                speech_duration=self._onset,
                silence_duration=0.0,
                inference_duration=0.0,
            )
            self._on_change(begins)
        if self._flush_in is not None:
            self._flush_in -= seconds
            self._flush_if_heard()

    def _on_change(self, event: vad.VADEvent) -> None:
        speaking = event.type is vad.VADEventType.START_OF_SPEECH
        if speaking is not self.speaking:
            self.speaking = speaking
            self._event_ch.send_nowait(dataclasses.replace(event, frames=self._turn.frames))

    def _flush_if_heard(self) -> None:
        if self._flush_in is not None and self._flush_in < _WINDOW:
            self._flush_in = None
            self.speaking, self._onset, self._turn = False, 0.0, Recent(_ONSET)
