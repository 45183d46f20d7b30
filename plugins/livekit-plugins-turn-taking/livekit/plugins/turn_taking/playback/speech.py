"""The agent's speech, as barge-in acts on it: lowered, stopped, gone on with."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from livekit.agents import AgentSession
from livekit.agents.llm import ChatMessage
from livekit.agents.voice import SpeechHandle

from .buffer import Samples
from .history import History
from .output import Loudspeaker
from .sink import SAMPLE_RATE
from .spoken_text import SpokenText

_GO_ON = "Go on with what you were saying, from the very word where you stopped."


class AgentSpeech:
    """What the agent says in one session.

    Args:
        session: The conversation.
        loudspeaker: Its output; None where the sound goes to an output that cannot be lowered.
        text: The words of its replies.
        history: What was heard of a reply that was cut.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        loudspeaker: Loudspeaker | None,
        text: SpokenText,
        history: History,
    ) -> None:
        self._session = session
        self._loudspeaker = loudspeaker
        self._text = text
        self._history = history
        self._stopped: SpeechHandle | None = None

    def duck(self, ducked: bool) -> None:
        """Lower the agent's voice, or raise it again."""
        if self._loudspeaker:
            self._loudspeaker.duck(ducked)

    def stop(self) -> bool:
        """End the agent's speech, its engines included; False if that is not allowed."""
        loudspeaker = self._loudspeaker
        if loudspeaker and loudspeaker.aside:
            loudspeaker.end_aside()
            if not loudspeaker.replying:
                return True  # the reply that is being made goes on until there are words
        speech, output = self._session.current_speech, self._session.output.audio
        if speech is None or not speech.allow_interruptions:
            return False
        if output:
            # Silent at once, whenever LiveKit's tasks clear the output and close the voice.
            output.pause()
        self._session.interrupt()
        self._stopped = speech
        return True

    def resume(self) -> None:
        """Go on from where the agent was stopped."""
        stopped, self._stopped = self._stopped, None
        heard = self._history.heard
        unheard = self._text.unheard(heard) if stopped and heard is not None else None
        if stopped is None or unheard is None:
            return
        for item in stopped.chat_items:
            if isinstance(item, ChatMessage):
                item.interrupted = False  # what is said next is the rest of it
        with contextlib.suppress(RuntimeError):  # the conversation may just be ending
            if unheard.text:
                self._session.say(unheard.text)
            if not unheard.complete:
                self._session.generate_reply(instructions=_GO_ON)

    def played(self, seconds: float) -> Samples:
        """The sound that was played last, mono at 24 kHz; silence where nothing was."""
        if self._loudspeaker:
            return self._loudspeaker.played.last(seconds)
        return np.zeros(round(seconds * SAMPLE_RATE), np.int16)

    def spoken(self) -> Sequence[str]:
        """The agent's words of the last seconds, and of the next."""
        if self._loudspeaker is None:
            return ()
        playing = self._loudspeaker.replying
        return self._text.around(self._loudspeaker.position if playing else None)
