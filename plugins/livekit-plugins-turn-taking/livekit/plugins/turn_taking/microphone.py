"""What the microphone hears, told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

from livekit import rtc
from livekit.agents import vad

Listener = Callable[[vad.VADEvent], None]


class Microphone(vad.VAD):
    """A voice-activity detector whose events others hear too.

    LiveKit keeps the events of its detector to itself, and a second detector would cost its
    processor time again. Listeners are called before LiveKit acts on the event. They are told of
    one stream at a time: LiveKit opens another for an STT that does not stream, on the same sound.

    Args:
        detector: What detects.
    """

    def __init__(self, detector: vad.VAD) -> None:
        super().__init__(capabilities=detector.capabilities)
        self.detector = detector
        """What detects; a stream of it for another person has the same thresholds."""
        self._listeners: list[Listener] = []
        self._streams: list[vad.VADStream] = []

    @property
    def model(self) -> str:
        """The detector's model."""
        return self.detector.model

    @property
    def provider(self) -> str:
        """Where the detector's model is from."""
        return self.detector.provider

    @property
    def min_silence_duration(self) -> float | None:
        """Silence that ends speech, in seconds; LiveKit compares it with its turn detector's."""
        return getattr(self.detector, "min_silence_duration", None)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a function called with every event.

        Returns:
            What ends it.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def stream(self) -> vad.VADStream:
        """Begin to hear."""
        stream = _Stream(self, self.detector.stream())
        self._streams.append(stream)
        return stream

    def _tell(self, stream: vad.VADStream, event: vad.VADEvent) -> None:
        if stream is self._streams[0]:
            for listener in list(self._listeners):
                listener(event)

    def _closed(self, stream: vad.VADStream) -> None:
        self._streams.remove(stream)


class _Stream(vad.VADStream):
    def __init__(self, microphone: Microphone, detected: vad.VADStream) -> None:
        self._microphone = microphone
        self._detected = detected
        super().__init__(microphone)
        self._task.add_done_callback(lambda _: microphone._closed(self))

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        self._detected.push_frame(frame)

    def flush(self) -> None:
        self._detected.flush()

    def end_input(self) -> None:
        self._detected.end_input()

    async def _main_task(self) -> None:
        try:
            async for event in self._detected:
                self._microphone._tell(self, event)
                self._event_ch.send_nowait(event)
        finally:
            await self._detected.aclose()
