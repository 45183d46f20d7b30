"""What history keeps of a reply that was cut: the words that were heard, and no others."""

from __future__ import annotations

from livekit.agents.voice.io import AudioOutput, PlaybackFinishedEvent

from .spoken_text import SpokenText


class History:
    """Has LiveKit write into the history what was heard of a cut reply, to the word.

    LiveKit writes the ``synchronized_transcript`` of the event that ends a playback. In a room its
    captions fill that in, whatever an output below them says, and they follow a clock of their own.
    The words' times and the position of the sound tell it exactly. An event is told before whoever
    waits for the end of the playback goes on, so the transcript is put right there, before any
    message is made of it.

    Args:
        text: The words of the replies.
    """

    def __init__(self, text: SpokenText) -> None:
        self._text = text
        self._output: AudioOutput | None = None
        self.heard: str | None = None
        """What was heard of the reply that was played last, if that was cut and its words are
        known; None otherwise."""

    def watch(self, output: AudioOutput | None) -> None:
        """Attend to the end of what an output plays, in place of the one before."""
        if output is self._output:
            return
        if self._output:
            self._output.off("playback_finished", self._on_finished)
        self._output = output
        if output:
            output.on("playback_finished", self._on_finished)

    def _on_finished(self, event: PlaybackFinishedEvent) -> None:
        self._text.ends(event.playback_position)
        if not event.interrupted:
            self.heard = None
            return
        if (heard := self._text.heard(event.playback_position)) is not None:
            event.synchronized_transcript = heard.rstrip()
        self.heard = event.synchronized_transcript
