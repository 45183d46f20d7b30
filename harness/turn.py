"""One question and its answer, with the times that a caller can measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .caller import Caller
from .recording import Samples


@dataclass
class Turn:
    """A question that was asked by voice, and what came back."""

    understood: str
    """The agent's transcript of the question."""
    answer: str
    """The agent's captions of its answer."""
    heard: Samples
    """The answer as it was heard: mono s16 at 24 kHz."""
    asked: float
    """When the last sample of the question was sent, in seconds from the caller's start."""
    answered: float
    """When the first sound of the answer was heard, in seconds from the caller's start."""
    user: dict[str, Any]
    """LiveKit's stage times of the question, in seconds."""
    agent: dict[str, Any]
    """LiveKit's stage times of the answer, in seconds."""

    @property
    def voice_to_voice(self) -> float:
        """Seconds from the question's end to the answer; negative if the caller was cut off."""
        return self.answered - self.asked

    def stages(self) -> dict[str, float]:
        """Where the time went, in seconds, stage after stage; together they are the whole.

        The transcript and the reply are made while the end of the turn is still being waited
        for, so a stage counts only what it adds.
        """
        transcript = self.user.get("transcription_delay", 0.0)
        decided = max(self.user.get("end_of_turn_delay", 0.0), transcript)
        began = max(self.agent.get("e2e_latency", 0.0), decided)
        return {
            "transcript": transcript,
            "end_of_turn": decided - transcript,
            "reply": began - decided,
            "transport": self.voice_to_voice - began,
        }


async def ask(caller: Caller, question: Samples) -> Turn:
    """Ask by voice and listen to the whole answer.

    Raises:
        TimeoutError: No answer came, or it did not end.
    """
    await caller.until("listening")
    start, records = caller.now, len(caller.turns)
    asked = await caller.say(question)
    # From the start of the question: an agent that speaks into it is heard too.
    heard = await caller.answer(after=start)
    answered = caller.heard.first_sound(start)
    assert answered is not None
    agent_identity = caller.agent.identity if caller.agent else ""
    by_role = {r["role"]: r["metrics"] for r in caller.turns[records:]}
    return Turn(
        understood=caller.transcript(caller.identity, after=start),
        answer=caller.transcript(agent_identity, after=start),
        heard=heard,
        asked=asked,
        answered=answered,
        user=by_role.get("user", {}),
        agent=by_role.get("assistant", {}),
    )
