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
    record: dict[str, Any]
    """The agent's own record of the turn (:class:`agent.telemetry.Turn`), times in seconds."""

    @property
    def voice_to_voice(self) -> float:
        """Seconds from the question's end to the answer; negative if the caller was cut off."""
        return self.answered - self.asked

    def stages(self) -> dict[str, float]:
        """Where the time went, in seconds, stage after stage; together they are the whole."""
        waited = self.record["waited"]
        return {**self.record["stages"], "transport": self.voice_to_voice - waited}


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
    record = next(r for r in reversed(caller.turns[records:]) if r["kind"] == "turn")
    return Turn(
        understood=caller.transcript(caller.identity, after=start),
        answer=caller.transcript(agent_identity, after=start),
        heard=heard,
        asked=asked,
        answered=answered,
        record=record,
    )
