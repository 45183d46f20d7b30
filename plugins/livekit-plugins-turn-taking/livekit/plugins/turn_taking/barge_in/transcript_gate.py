"""Which events of the recogniser are the user's turn, and which are held back."""

from __future__ import annotations

from typing import Literal

from livekit import rtc
from livekit.agents import stt

from .policy import Verdict
from .sound import Sound
from .tracker import OverlapTracker

_TRANSCRIPTS = frozenset(
    {
        stt.SpeechEventType.INTERIM_TRANSCRIPT,
        stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
        stt.SpeechEventType.FINAL_TRANSCRIPT,
    }
)


class TranscriptGate(rtc.EventEmitter[Literal["answered"]]):
    """Holds back transcripts of sounds over the agent's speech until they are the user's turn.

    The words go to the tracker first, then its verdict on their sound decides: an open one holds
    them back, an interruption lets them through with all that was held, a backchannel or doubt of
    the words keeps them for the case that they turn out to be the answer to the agent's last words,
    and of an echo they are dropped. Each of the `on_` methods is called after the tracker's own of
    the same event.

    ``answered`` is emitted with each event that was held back and is let through without another
    one that would take it along.

    Args:
        tracker: Watches the sounds over the agent's speech.
    """

    def __init__(self, tracker: OverlapTracker) -> None:
        super().__init__()
        self._tracker = tracker

    def on_transcript(self, event: stt.SpeechEvent) -> list[stt.SpeechEvent]:
        """Take an event of the recogniser and return those that may pass, in their order."""
        if event.type not in _TRANSCRIPTS:
            return [event]
        heard = event.alternatives[0] if event.alternatives else None
        sound = self._tracker.on_words(
            heard.text if heard else "",
            final=event.type is stt.SpeechEventType.FINAL_TRANSCRIPT,
            language=heard.language if heard else "",
            confidence=heard.confidence if heard else 0.0,
        )
        if sound is None:
            return [event]
        sound.held.append(event)
        return _released(sound)

    def on_voice(self) -> None:
        """Learn that the tracker has had a window of the microphone: it may have decided."""
        if sound := self._tracker.sound:
            self._let_through(sound)

    def on_listening(self) -> None:
        """Learn that the agent waits for the user, who may have answered before it was silent."""
        if sound := self._tracker.on_listening():
            self._let_through(sound)

    def _let_through(self, sound: Sound) -> None:
        for event in _released(sound):
            self.emit("answered", event)


def _released(sound: Sound) -> list[stt.SpeechEvent]:
    """Take from a sound what was held back of it and is the user's turn."""
    if sound.answers:
        sound.held[:0], sound.kept = sound.kept, []
    elif sound.verdict is None:
        return []
    held, sound.held = sound.held, []
    if sound.verdict in (Verdict.BACKCHANNEL, Verdict.NOISE) and not sound.answers:
        sound.kept += held
    return held if sound.is_turn else []
