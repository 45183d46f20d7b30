"""A voice-activity detector for a session, whose end of speech is the end of the turn.

LiveKit waits after the end of speech for one of two fixed times. Here the detector itself waits,
for as long as :class:`.endpoint.Endpoint` finds right, and the session commits the turn at once.
Until then the user counts as speaking, and the recogniser's utterance goes on: a pause to think
does not cut a sentence in two. All of it is LiveKit's public interface for detectors.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import weakref

from livekit import rtc
from livekit.agents import stt, vad
from livekit.agents.utils import aio, log_exceptions

from .ending import Judge, Recent
from .endpoint import Change, Endpoint, Wait
from .pauses import Pauses

logger = logging.getLogger("parley")


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
        self._streams: weakref.WeakSet[_Stream] = weakref.WeakSet()

    @property
    def model(self) -> str:
        """The detector's model."""
        return self._detector.model

    @property
    def provider(self) -> str:
        """Where the detector's model is from."""
        return self._detector.provider

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
        self._detected = detected
        self._endpoint = endpoint
        self._judge = judge
        self._recent = Recent()
        self._judging: asyncio.Task[None] | None = None
        self._last: vad.VADEvent | None = None
        super().__init__(owner)

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        self._detected.push_frame(frame)

    def flush(self) -> None:
        self._endpoint.reset()
        self._detected.flush()

    def end_input(self) -> None:
        self._detected.end_input()

    def heard(self, text: str, *, final: bool) -> None:
        self._tell(self._endpoint.heard(text, final=final))

    async def _main_task(self) -> None:
        try:
            async for event in self._detected:
                # When speech begins and ends is decided here.
                if event.type is vad.VADEventType.INFERENCE_DONE:
                    self._on_window(event)
        finally:
            if self._judging:
                await aio.cancel_and_wait(self._judging)
            await self._detected.aclose()

    def _on_window(self, event: vad.VADEvent) -> None:
        self._last = event
        self._recent.push(event.frames)
        seconds = sum(frame.duration for frame in event.frames)
        change = self._endpoint.window(event.probability, seconds)
        if self._judging and not self._endpoint.silence:
            self._judging.cancel()  # the voice has gone on
        self._event_ch.send_nowait(dataclasses.replace(event, speaking=self._endpoint.speaking))
        self._tell(change)

    def _tell(self, change: Change | None) -> None:
        match change:
            case "begins":
                self._send(vad.VADEventType.START_OF_SPEECH)
            case "ends":
                known = {"silence": self._endpoint.silence} | dataclasses.asdict(
                    self._endpoint.pause
                )
                logger.debug("turn ends", extra=known)
                self._send(vad.VADEventType.END_OF_SPEECH)
            case "pauses" if self._judge:
                self._listen(self._judge)

    def _listen(self, judge: Judge) -> None:
        @log_exceptions(logger=logger)
        async def listen() -> None:
            self._tell(self._endpoint.judged(await self._recent.judged_by(judge)))

        self._judging = asyncio.create_task(listen(), name="Endpointer.listen")

    def _send(self, kind: vad.VADEventType) -> None:
        assert self._last is not None
        self._event_ch.send_nowait(
            dataclasses.replace(
                self._last,
                type=kind,
                speaking=self._endpoint.speaking,
                speech_duration=self._endpoint.voiced,
                silence_duration=self._endpoint.silence,
                inference_duration=0.0,
                frames=[],
            )
        )
