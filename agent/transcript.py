"""What was said in a conversation, and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from livekit.agents import llm


@dataclass(frozen=True)
class Said:
    """One message of a conversation."""

    at: float
    """When it began to be said, in seconds since 1970: of the caller's words, their first sound."""
    who: Literal["caller", "agent"]
    text: str
    """Of a reply that was cut off, what was heard of it."""
    interrupted: bool = False
    """Whether a reply was cut off."""

    @property
    def line(self) -> str:
        """The same for a model to read."""
        return f"{self.who}: {self.text}"

    def record(self) -> dict[str, Any]:
        """The same for JSON, with the time to the millisecond."""
        return {**asdict(self), "at": round(self.at, 3)}


def transcript(chat_ctx: llm.ChatContext) -> list[Said]:
    """What the caller and the agent have said, in order; neither prompts nor tools."""
    return [
        Said(
            item.metrics.get("started_speaking_at") or item.created_at,
            "caller" if item.role == "user" else "agent",
            (item.text_content or "").strip(),
            item.interrupted,
        )
        for item in chat_ctx.items
        if item.type == "message"
        and item.role in ("user", "assistant")
        and (item.text_content or "").strip()
    ]
