"""Speech that came to nothing: somebody spoke, and no turn of theirs came of it.

Nobody is told of it otherwise: where no engine fails, and nothing is late, there is no error. That
it was lost, and where, is logged; what was said is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession, UserInputTranscribedEvent, UserStateChangedEvent, stt, vad
from livekit.plugins.turn_taking import Floor, Judged

logger = logging.getLogger("parley")

_SPEECH = 0.9
"""Seconds of voice that somebody meant something by."""
_WAIT = 6.0
"""Seconds after the last of it within which its turn begins: the longest silence in a sentence is
1.6, and Whisper base takes up to 4 on two busy cores."""


class LostSpeech:
    """Finds speech of one person that became no turn; its clock is their microphone.

    Args:
        threshold: Probability above which the detector is taken to hear speech.
        clock: Seconds on a clock that never steps back; the event loop's if None.
    """

    def __init__(self, threshold: float, *, clock: Callable[[], float] | None = None) -> None:
        self._threshold = threshold
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._voiced = 0.0
        self._last = 0.0
        """When the voice was last heard."""
        self._speaks = False
        self._taken = False
        """Whether words of it have reached the session."""
        self._recognised: bool | None = None
        """Whether the recogniser has found words in it; None while it has said nothing final."""
        self._verdict: str | None = None
        """What it was taken for over the agent's speech, if for no turn."""

    def follow(self, session: AgentSession[Any], floor: Floor) -> None:
        """Follow a session that has not been started yet, and log what is found."""

        def on_voice(event: vad.VADEvent) -> None:
            if event.type is not vad.VADEventType.INFERENCE_DONE:
                return
            seconds = sum(frame.duration for frame in event.frames)
            if found := self.window(seconds, event.probability):
                logger.info("speech became no turn", extra=found)

        def on_state(event: UserStateChangedEvent) -> None:
            self.user(speaks=event.new_state == "speaking")

        def on_recognised(event: stt.SpeechEvent) -> None:
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                self.recognised(words=bool(event.alternatives and event.alternatives[0].text))

        def on_words(event: UserInputTranscribedEvent) -> None:
            if event.is_final and event.transcript:
                self.taken()

        def on_judged(judged: Judged) -> None:
            self.judged(None if judged.turn else judged.verdict)

        session.on("user_state_changed", on_state)
        session.on("user_input_transcribed", on_words)
        floor.on("recognised", on_recognised)
        floor.on("judged", on_judged)
        floor.microphone.listen(on_voice)

    def window(self, seconds: float, probability: float) -> dict[str, Any] | None:
        """Take a window of the microphone.

        Returns:
            Once for each speech that became no turn: why, as far as is known, and its seconds.
        """
        now = self._clock()
        if probability >= self._threshold:
            self._voiced, self._last = self._voiced + seconds, now
            return None
        if not self._voiced or now - self._last < _WAIT:
            return None
        found = {"reason": self._reason(), "voiced": round(self._voiced, 1)}
        lost = self._voiced >= _SPEECH
        self._forget()
        return found if lost else None

    def user(self, *, speaks: bool) -> None:
        """Learn whether the session takes it to be the user's turn."""
        self._speaks = speaks
        self._settle()

    def recognised(self, *, words: bool) -> None:
        """Learn that the recogniser has said something final, be it that there were no words."""
        self._recognised = self._recognised or words

    def taken(self) -> None:
        """Learn that words have reached the session."""
        self._taken = True
        self._settle()

    def judged(self, verdict: str | None) -> None:
        """Learn what a sound over the agent's speech was taken for; None if it is a turn."""
        self._verdict = verdict

    def _settle(self) -> None:
        """Forget what has become a turn."""
        if self._taken and not self._speaks:
            self._forget()

    def _forget(self) -> None:
        self._voiced, self._taken, self._recognised, self._verdict = 0.0, False, None, None

    def _reason(self) -> str:
        if self._speaks:
            return "not over"
        if self._recognised is None:
            return "no transcript"
        if not self._recognised:
            return "no words"  # none were said, or nobody can have said them: that is logged, too
        return self._verdict or "held back"
