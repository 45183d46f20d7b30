"""What the microphone hears, told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

from livekit.agents import vad

Listener = Callable[[vad.VADEvent], None]


class Microphone:
    """The microphone of the person who is listened to.

    A second detector on the same sound would cost its processor time again: whoever wants to know
    of a voice listens here, to the one that :class:`.Endpointer` runs.

    Args:
        detector: What detects.
    """

    def __init__(self, detector: vad.VAD) -> None:
        self.detector = detector
        """What detects; a stream of it for another person has the same thresholds."""
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a function called with every event of the detector, before anybody acts on it.

        Returns:
            What ends it; may be called twice.
        """
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def tell(self, event: vad.VADEvent) -> None:
        """Pass an event on to the listeners."""
        for listener in list(self._listeners):
            listener(event)
