"""What is kept of a conversation while nobody recognises it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..log import logger
from .recognition import BYTES_PER_SECOND, RecognitionOptions

MOST_KEPT = 60.0
"""Seconds of speech that are kept for a server that is away: 2 MB."""


@dataclass(frozen=True)
class Kept:
    """An utterance that has ended and was not recognised.

    Attributes:
        audio: PCM16, 16 kHz, mono.
        voiced: Seconds of it that are voice.
        begins: Seconds of the stream's time at which it begins.
        speech_end_time: Time of the last voice, in seconds since the epoch.
        options: What was expected then.
    """

    audio: bytes
    voiced: float
    begins: float
    speech_end_time: float
    options: RecognitionOptions

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.audio) / BYTES_PER_SECOND


class Outage:
    """Whether the recogniser answers, and what was said since it does not.

    It outlives a stream: LiveKit opens a new one where one has failed.

    Args:
        changed: Called when the recogniser stops answering (False) and when it is back (True).
    """

    def __init__(self, changed: Callable[[bool], None]) -> None:
        self._changed = changed
        self._kept: list[Kept] = []
        self.down = False
        self.told = False
        """Whether a stream has failed for it, as LiveKit's limit of retries demands. A further one
        goes on trying: three would end the session."""

    def failed(self) -> None:
        """A request for what was said failed."""
        if not self.down:
            self.down = True
            self._changed(False)

    def recovered(self) -> None:
        """A request was answered."""
        self.told = False
        if self.down:
            self.down = False
            self._changed(True)

    def keep(self, utterances: Iterable[Kept]) -> None:
        """Keep what a stream that failed leaves behind, the newest minute of it."""
        self._kept += utterances
        while sum(kept.seconds for kept in self._kept) > MOST_KEPT:
            logger.warning("speech lost", extra={"seconds": round(self._kept.pop(0).seconds, 1)})

    def take(self) -> list[Kept]:
        """Return what was kept, in the order of speech, and keep it no longer."""
        kept, self._kept = self._kept, []
        return kept
