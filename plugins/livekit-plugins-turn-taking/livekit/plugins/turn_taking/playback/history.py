"""What history keeps of a reply that was cut, and how such a reply goes on."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from livekit.agents import AgentSession, ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage
from livekit.agents.voice.io import AudioOutput, PlaybackFinishedEvent

from .spoken_text import SpokenText

_GO_ON = "Go on with what you were saying, from the very word where you stopped."


@dataclass
class _Cut:
    noted: str
    """What LiveKit takes for heard."""
    heard: str


class History:
    """Lets history hold what was heard of a cut reply, to the word.

    LiveKit takes down the captions that it had sent, which follow a clock of their own. The words'
    times and the position of the sound tell it exactly.

    Args:
        session: The conversation.
        script: What is said in it.
    """

    def __init__(self, session: AgentSession[Any], script: SpokenText) -> None:
        self._session = session
        self._script = script
        self._output: AudioOutput | None = None
        self._cut: _Cut | None = None
        self._message: ChatMessage | None = None
        session.on("conversation_item_added", self._on_item)
        session.on("agent_state_changed", lambda _: self._follow(session.output.audio))

    def resume(self) -> None:
        """Say the rest of the reply that was cut last."""
        cut, self._cut = self._cut, None
        rest = self._script.rest(cut.heard) if cut else None
        if rest is None:
            return
        if self._message:
            self._message.interrupted = False  # nothing is missing of it
        with contextlib.suppress(RuntimeError):  # the conversation may just be ending
            if rest.text:
                self._session.say(rest.text)
            if not rest.complete:
                self._session.generate_reply(instructions=_GO_ON)

    def _follow(self, output: AudioOutput | None) -> None:
        # The session puts its captions' clock in front of the output when it starts.
        if output is not self._output:
            if self._output:
                self._output.off("playback_finished", self._on_finished)
            self._output = output
            if output:
                output.on("playback_finished", self._on_finished)

    def _on_finished(self, event: PlaybackFinishedEvent) -> None:
        self._cut = self._message = None
        if event.interrupted and event.synchronized_transcript is not None:
            noted = event.synchronized_transcript
            heard = self._script.heard(event.playback_position)
            self._cut = _Cut(noted, noted if heard is None else heard)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage) or item.role != "assistant" or not item.interrupted:
            return
        self._message = item
        text = item.raw_text_content or ""
        if self._cut and text.endswith(self._cut.noted):
            before = text[: len(text) - len(self._cut.noted)]
            item.content = [(before + self._cut.heard).rstrip()]
