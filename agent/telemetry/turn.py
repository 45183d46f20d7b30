"""One turn as a record: when each of its stages was reached, and why it went as it did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from .engines import ENGINES, Answerer, Engine

Stage: TypeAlias = Literal["end_of_turn", "llm", "text", "tts", "playout"]

STAGES: tuple[Stage, ...] = ("end_of_turn", "llm", "text", "tts", "playout")
"""What an answer waits for, one after the other:

- ``end_of_turn``: from the user's last voice until the turn is known to be over
- ``llm``: from then until the first text of the reply
- ``text``: until a first unit of it goes to the voice
- ``tts``: until there is sound
- ``playout``: until its first sample is on its way to the user

A stage that was reached before the one before it, because a reply is begun while the turn is not
certain, has taken no time of its own.
"""


@dataclass
class Moments:
    """When the stages were reached, in seconds on a clock that never steps back; None if never."""

    speech_ended: float | None = None
    transcript: float | None = None
    """When the last final words came."""
    decided: float | None = None
    asked: float | None = None
    """When the language model was asked for the reply that was played."""
    text: float | None = None
    unit: float | None = None
    audio: float | None = None
    played: float | None = None

    def stages(self) -> dict[Stage, float]:
        """Seconds of each stage, up to the last that was reached; together they are the wait."""
        if self.speech_ended is None:
            return {}
        reached = (self.decided, self.text, self.unit, self.audio, self.played)
        last = max((at for at in reached if at is not None), default=self.speech_ended)
        until, taken = self.speech_ended, dict[Stage, float]()
        for stage, at in zip(STAGES, reached, strict=True):
            if at is None and until >= last:
                break
            taken[stage] = max(0.0, (at or until) - until)
            until += taken[stage]
        return taken

    def since_speech(self, at: float | None) -> float | None:
        """Seconds from the end of the user's speech to a moment."""
        if at is None or self.speech_ended is None:
            return None
        return at - self.speech_ended


@dataclass(frozen=True)
class Request:
    """One request to the language model."""

    id: str
    model: str
    provider: str
    """Who answered: with a second choice of engines, not always the first."""
    first_token: float
    """Seconds from the request to its first token; -1 if there was none."""
    duration: float
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Decision:
    """What ended the user's turn."""

    silence: float
    """Seconds since the last voice."""
    clause: str | None
    """How the words end; None while those before the pause are not known."""
    ending: float | None
    """How much the voice sounded like an end, 0 to 1."""
    voiced: float
    """Seconds of voice in the turn."""
    usual: float
    """Seconds within which this person goes on after a pause, as a rule."""


@dataclass(frozen=True)
class Stop:
    """What ended the agent's speech before its end."""

    verdict: str
    """What the sound over it was taken for."""
    ducked: float | None
    """Seconds from its first voice until the agent's was lowered."""
    decided: float
    """Seconds from its first voice until the agent was stopped."""


@dataclass
class Turn:
    """What a user said and what became of it, without a word of it."""

    id: str
    language: str | None
    moments: Moments = field(default_factory=Moments)
    decision: Decision | None = None
    requests: list[Request] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    """Names of the tools that were called, in order."""
    engines: dict[Engine, list[Answerer]] = field(default_factory=dict)
    """Who heard, who thought and who spoke, each in the order in which they first did."""
    sources: list[str] = field(default_factory=list)
    """Where the passages stand that the model was given to answer from, the best first."""
    stop: Stop | None = None
    interrupted: bool = False
    answered: bool = False

    @property
    def waited(self) -> float | None:
        """Seconds from the user's last voice to the first sample on its way to the user."""
        return self.moments.since_speech(self.moments.played)

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold: times in seconds, rounded to milliseconds."""
        moments = self.moments
        told: dict[str, Any] = _rounded(
            {
                "kind": "turn",
                "id": self.id,
                "language": self.language,
                "answered": self.answered,
                "interrupted": self.interrupted,
                "waited": self.waited,
                "stages": moments.stages(),
                "transcript": moments.since_speech(moments.transcript),
                "asked": moments.since_speech(moments.asked),
                "decision": self.decision and asdict(self.decision),
                "requests": [asdict(request) for request in self.requests],
                "tools": self.tools,
                "engines": {
                    engine: [asdict(by) for by in self.engines.get(engine, [])]
                    for engine in ENGINES
                },
                "sources": self.sources,
                "stop": self.stop and asdict(self.stop),
            }
        )
        return told


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list():
            return [_rounded(item) for item in value]
    return value
