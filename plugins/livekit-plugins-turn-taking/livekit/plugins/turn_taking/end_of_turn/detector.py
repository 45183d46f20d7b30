"""A voice-activity detector for a session, whose end of speech is the end of the turn.

LiveKit waits after the end of speech for one of two fixed times. Here the detector itself waits,
for as long as :class:`.Endpoint` finds right, and the session commits the turn at once.
Until then the user counts as speaking, and the recogniser's utterance goes on: a pause to think
does not cut a sentence in two. All of it is LiveKit's public interface for detectors.
"""

from __future__ import annotations

import asyncio
import dataclasses
import weakref

from livekit import rtc
from livekit.agents import stt, vad
from livekit.agents.utils import aio, log_exceptions

from ..log import logger
from .pauses import Pauses
from .state import LISTEN_AT, Change, Endpoint, Wait
from .voice import HEARD, Judge, Recent

_ONSET = 0.5
"""Seconds before a turn that are handed out with it, and the longest turn that is: what LiveKit's
own detectors give a recogniser that does not stream."""
_LONGEST = 60.0


class Endpointer(vad.VAD):
    """Ends turns.

    Args:
        detector: Hears voice; its ``INFERENCE_DONE`` events must carry the probability.
        wait: The policy.
        judge: Listens to how the voice ends; None to go by the words alone.
        threshold: Probability above which the detector is taken to hear speech.
    """

    def __init__(
        self, detector: vad.VAD, *, wait: Wait, judge: Judge | None, threshold: float = 0.5
    ) -> None:
        super().__init__(capabilities=detector.capabilities)
        self._detector = detector
        self._wait = wait
        self._judge = judge
        self._threshold = threshold
        self._pauses = Pauses()
        self.pausing = False
        """Whether each pause is told."""
        self._streams: weakref.WeakSet[_Stream] = weakref.WeakSet()

    @property
    def model(self) -> str:
        """The detector's model."""
        return self._detector.model

    @property
    def provider(self) -> str:
        """Where the detector's model is from."""
        return self._detector.provider

    def tell_pauses(self, tell: bool) -> None:
        """Say whether each pause is told as the end of speech, or the end of a turn only."""
        self.pausing = tell
        for stream in self._streams:
            stream.tell_pause() if tell else stream.forget_pause()

    def stream(self) -> vad.VADStream:
        """Begin to hear."""
        endpoint = Endpoint(self._wait, self._pauses, threshold=self._threshold)
        stream = _Stream(self, self._detector.stream(), endpoint, self._judge)
        self._streams.add(stream)
        return stream

    def heard(self, event: stt.SpeechEvent) -> None:
        """Tell it what the recogniser says; interim transcripts, which lack words, are left out."""
        final = event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
        if final or event.type is stt.SpeechEventType.PREFLIGHT_TRANSCRIPT:
            for stream in self._streams:
                stream.heard(event.alternatives[0].text, final=final)


class _Stream(vad.VADStream):
    def __init__(
        self, owner: Endpointer, detected: vad.VADStream, endpoint: Endpoint, judge: Judge | None
    ) -> None:
        self._owner = owner
        self._detected = detected
        self._endpoint = endpoint
        self._speaking = False  # as was told last
        self._judge = judge
        self._recent = Recent(HEARD)
        self._turn = Recent(_ONSET)
        self._judging: asyncio.Task[None] | None = None
        self._last: vad.VADEvent | None = None
        super().__init__(owner)

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        self._detected.push_frame(frame)

    def flush(self) -> None:
        self._endpoint.reset()
        self._speaking = False
        self._detected.flush()

    def end_input(self) -> None:
        self._detected.end_input()

    def heard(self, text: str, *, final: bool) -> None:
        self._tell(self._endpoint.heard(text, final=final))

    def tell_pause(self) -> None:
        """Tell the pause that there is, if any."""
        if self._endpoint.silence >= LISTEN_AT[0]:
            self._send(self._event(vad.VADEventType.END_OF_SPEECH))

    def forget_pause(self) -> None:
        """Begin a new turn with the next voice, if this one's last pause was told as its end."""
        if not self._speaking:
            self._endpoint.reset()

    async def _main_task(self) -> None:
        try:
            async for event in self._detected:
                if event.type is vad.VADEventType.INFERENCE_DONE:
                    self._on_window(event)
                elif self._owner.pausing:
                    self._send(event)
        finally:
            if self._judging:
                await aio.cancel_and_wait(self._judging)
            await self._detected.aclose()

    def _on_window(self, event: vad.VADEvent) -> None:
        self._last = event
        self._recent.push(event.frames)
        self._turn.longest = _LONGEST if self._endpoint.speaking else _ONSET
        self._turn.push(event.frames)
        seconds = sum(frame.duration for frame in event.frames)
        change = self._endpoint.window(event.probability, seconds)
        if self._judging and not self._endpoint.silence:
            self._judging.cancel()  # the voice has gone on
        self._event_ch.send_nowait(dataclasses.replace(event, speaking=self._endpoint.speaking))
        self._tell(change)

    def _tell(self, change: Change | None) -> None:
        match change:
            case "begins" | "ends" if self._owner.pausing:
                pass  # the detector tells
            case "begins":
                self._send(self._event(vad.VADEventType.START_OF_SPEECH))
            case "ends":
                known = {"silence": self._endpoint.silence} | dataclasses.asdict(
                    self._endpoint.pause
                )
                logger.debug("turn ends", extra=known)
                self._send(self._event(vad.VADEventType.END_OF_SPEECH))
            case "pauses" if self._judge and not (self._judging and not self._judging.done()):
                self._listen(self._judge)

    def _listen(self, judge: Judge) -> None:
        @log_exceptions(logger=logger)
        async def listen() -> None:
            self._tell(self._endpoint.judged(await self._recent.judged_by(judge)))

        self._judging = asyncio.create_task(listen(), name="Endpointer.listen")

    def _send(self, event: vad.VADEvent) -> None:
        speaking = event.type is vad.VADEventType.START_OF_SPEECH
        if speaking is not self._speaking:
            self._speaking = speaking
            self._event_ch.send_nowait(event)

    def _event(self, kind: vad.VADEventType) -> vad.VADEvent:
        assert self._last is not None
        return dataclasses.replace(
            self._last,
            type=kind,
            speaking=self._endpoint.speaking,
            speech_duration=self._endpoint.voiced,
            silence_duration=self._endpoint.silence,
            inference_duration=0.0,
            frames=self._turn.frames,
        )
