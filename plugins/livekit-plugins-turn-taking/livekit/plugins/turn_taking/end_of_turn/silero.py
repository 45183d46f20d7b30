"""Silero's detector, as LiveKit ships it, in the event loop's own thread.

Silero takes 0.15 ms for its 32 ms of sound where the processor has other work in between. LiveKit's
own detector has a thread for it, which costs 0.25 ms more, and tasks and buffers around it.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import vad
from livekit.local_inference import VAD as Model
from livekit.local_inference import VAD_WINDOW_SAMPLES

from ..log import logger
from .state import MIN_SPEECH, VOICE_STAYS
from .stream import Stream

_RATE = 16_000
_WINDOW = VAD_WINDOW_SAMPLES / _RATE


class Silero(vad.VAD):
    """Detects voice.

    The events of its streams have the sound of their windows; those of the beginning and the end of
    speech have none.

    Args:
        threshold: Probability above which a window begins speech, 0 to 1.
        min_silence: Seconds without voice that end it.
    """

    def __init__(self, *, threshold: float = 0.5, min_silence: float = 0.25) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=_WINDOW))
        self.threshold = threshold
        """Probability above which a window begins speech."""
        self.min_silence = min_silence
        """Seconds without voice that end it."""

    @property
    def model(self) -> str:
        """The model's name."""
        return "silero"

    @property
    def provider(self) -> str:
        """The package that has its weights."""
        return "livekit-local-inference"

    @property
    def min_silence_duration(self) -> float | None:
        """Seconds without voice that end speech, as LiveKit asks for them."""
        return self.min_silence

    def stream(self) -> vad.VADStream:
        """Begin to hear somebody."""
        return _Stream(self)


class _Stream(Stream):
    """What one microphone hears, of any one sample rate."""

    def __init__(self, detector: Silero) -> None:
        self._detector = detector
        self._model = Model()
        self._rate = 0
        self._resampler: rtc.AudioResampler | None = None
        self._sound, self._heard = bytearray(), bytearray()  # as pushed, and as the model hears it
        self._begin()
        super().__init__(detector)

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        """Detect the windows that are complete with a frame."""
        self._check_input_not_ended()
        self._check_not_closed()
        if not self._rate:
            self._rate = frame.sample_rate
            self._begin()
        elif self._rate != frame.sample_rate:
            logger.error("a frame with another sample rate was already pushed")
            return
        self._sound += frame.data.cast("b")
        for resampled in self._resampler.push(frame) if self._resampler else (frame,):
            self._heard += resampled.data.cast("b")
        size = 2 * VAD_WINDOW_SAMPLES
        while len(self._heard) >= size:
            window, self._heard = self._heard[:size], self._heard[size:]
            self._detect(window)

    def flush(self) -> None:
        """Forget the sound until now."""
        self._check_input_not_ended()
        self._check_not_closed()
        self._begin()

    async def _main_task(self) -> None:
        async for _ in self._input_ch:  # nothing comes: it ends with the input
            pass

    def _begin(self) -> None:
        self._model.reset()
        if self._rate not in (0, _RATE):
            quality = rtc.AudioResamplerQuality.QUICK
            self._resampler = rtc.AudioResampler(self._rate, _RATE, quality=quality)
        self._sound, self._heard = bytearray(), bytearray()
        self._fraction = 0.0  # of a sample, by which windows were too short
        self._samples = 0
        self._speaking = False
        self._voiced = self._quiet = 0.0  # seconds of speech, or of silence since it
        self._voice = self._silence = 0.0  # seconds of windows alike, without a break

    def _detect(self, window: bytearray) -> None:
        began = time.perf_counter()
        probability = self._model.predict(np.frombuffer(window, np.int16))
        self._samples += VAD_WINDOW_SAMPLES
        if self._speaking:
            self._voiced += _WINDOW
        else:
            self._quiet += _WINDOW
        self._tell(
            vad.VADEventType.INFERENCE_DONE,
            probability=probability,
            inference_duration=time.perf_counter() - began,
            frames=[self._of_window()],
            raw_accumulated_silence=self._silence,
            raw_accumulated_speech=self._voice,
        )
        threshold = self._detector.threshold
        if probability >= threshold or (
            self._speaking and probability > max(threshold - VOICE_STAYS, 0.01)
        ):
            self._voice, self._silence = self._voice + _WINDOW, 0.0
            if not self._speaking and self._voice >= MIN_SPEECH:
                self._speaking, self._voiced, self._quiet = True, self._voice, 0.0
                self._tell(vad.VADEventType.START_OF_SPEECH)
            return
        self._voice, self._silence = 0.0, self._silence + _WINDOW
        if self._speaking and self._silence >= self._detector.min_silence:
            self._speaking, self._quiet = False, self._silence
            self._voiced = max(0.0, self._voiced - self._silence)
            self._tell(vad.VADEventType.END_OF_SPEECH)
            self._voiced = 0.0

    def _of_window(self) -> rtc.AudioFrame:
        """The sound of a window in the rate that was pushed."""
        exact = _WINDOW * self._rate + self._fraction
        size = int(exact + 1e-6)
        self._fraction = exact - size
        data, self._sound = self._sound[: 2 * size], self._sound[2 * size :]
        return rtc.AudioFrame(bytes(data), self._rate, 1, len(data) // 2)

    def _tell(self, kind: vad.VADEventType, **of_a_window: Any) -> None:
        self._event_ch.send_nowait(
            vad.VADEvent(
                type=kind,
                samples_index=self._samples,
                timestamp=self._samples / _RATE,
                speech_duration=self._voiced,
                silence_duration=self._quiet,
                speaking=self._speaking,
                **of_a_window,
            )
        )
