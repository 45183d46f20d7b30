"""What the end of a turn knows of its words."""

from __future__ import annotations

from typing import Literal

from livekit import rtc
from livekit.agents import stt

from . import clause
from .clause import Clause

HANGOVER = 0.3
"""Seconds of voice by which a transcript can be ahead of the detector, which goes on to hear voice
after its end (up to 0.1 s) and is late on a busy machine. More voice than that is a word that the
transcript lacks."""


class TurnTranscript(rtc.EventEmitter[Literal["changed"]]):
    """The words of one turn after another, as the recogniser says them and the voice goes on.

    ``changed`` is emitted when there are new words.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []
        self._clause: Clause | None = None
        self._unheard = 0.0  # seconds of voice since the words came

    @property
    def clause(self) -> Clause | None:
        """How the words end; None while those before the pause are not known."""
        return self._clause if self._unheard <= HANGOVER else None

    def transcribed(self, event: stt.SpeechEvent) -> None:
        """Take what the recogniser says; interim transcripts, which lack words, are left out."""
        final = event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
        if final or event.type is stt.SpeechEventType.PREFLIGHT_TRANSCRIPT:
            heard = event.alternatives[0]
            self.says(heard.text, final=final, language=heard.language)

    def says(self, text: str, *, final: bool, language: str = "") -> None:
        """Take the transcript of all that was said, at least since the last final one.

        Args:
            text: The words.
            final: Whether later transcripts will leave them out.
            language: Their language, if the recogniser knows it.
        """
        self._clause = clause.read(" ".join((*self._said, text)), language)
        if final:
            self._said.append(text)
        self._unheard = 0.0
        self.emit("changed")

    def voice(self, seconds: float) -> None:
        """Count voice, whose words are still to come."""
        self._unheard += seconds

    def begin(self) -> None:
        """Forget the words: a new turn begins."""
        self._said, self._clause = [], None
