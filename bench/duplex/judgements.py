"""What a system itself made of a sound, where it tells: a silence may have other causes.

On a machine that is busy with its engines an agent also falls silent because its voice has run dry,
and any reply ends some time. By the sound alone these look like a stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from livekit.plugins.turn_taking.barge_in.tracker import FALSE_STOP, Judged

from .host import Judgement

Outcome = Literal["judged", "fell silent", "went on"]
"""Whether the agent decided to stop; if not, whether it was silent all the same."""


class Judgements:
    """Writes down what a floor makes of sounds, until it is read.

    Args:
        clock: Seconds on the clock that the bench has too.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: list[Judgement] = []

    def add(self, judged: Judged) -> None:
        """Take a judgement as it is made."""
        self._since.append(
            {"at": self._clock(), "verdict": judged.verdict, "stops": judged.turn},
        )

    def read(self) -> list[Judgement]:
        """Those since the last time."""
        since, self._since = self._since, []
        return since


@dataclass(frozen=True)
class Decision:
    """What became of one sound; the moment is in seconds of the recording."""

    outcome: Outcome
    verdict: str
    """The first that stopped the agent, or else the last that let it go on; empty without any."""
    at: float | None
    taken_back: bool
    """Whether the agent found later that it should not have stopped."""


def decision(
    judgements: Sequence[Judgement], since: float, until: float, *, silent: bool
) -> Decision:
    """Say what was decided of a sound.

    Args:
        judgements: All of the case, in their order.
        since: When the sound began.
        until: When it can no longer have stopped the agent.
        silent: Whether the agent was heard to fall silent.
    """
    later = [j for j in judgements if j["at"] >= since]
    of_it = [j for j in later if j["at"] <= until and j["verdict"] != FALSE_STOP]
    stop = next((j for j in of_it if j["stops"]), None)
    if stop:
        after = later[later.index(stop) + 1 :]
        told = (j["verdict"] for j in after if j["stops"] or j["verdict"] == FALSE_STOP)
        again = next(told, "") == FALSE_STOP
        return Decision("judged", stop["verdict"], stop["at"], again)
    outcome: Outcome = "fell silent" if silent else "went on"
    if not of_it:
        return Decision(outcome, "", None, taken_back=False)
    return Decision(outcome, of_it[-1]["verdict"], of_it[-1]["at"], taken_back=False)
