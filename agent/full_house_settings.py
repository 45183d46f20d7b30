"""What a caller by phone meets while every place is taken."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .engine_settings import Section

ADDRESS = r"^(\+[1-9][0-9]{6,14}|[0-9]{2,6}|sip:[^\s@<>]+@[^\s@<>]+)$"
"""A number in E.164, an extension of the trunk's own exchange, or a ``sip:`` address."""


class FullHouseSettings(Section):
    """A full house: nobody who calls is left to ring for minutes."""

    then: Literal["busy", "queue", "number"] = "busy"
    """What comes after the ringing: the busy tone (SIP 486), on which a provider or an exchange can
    send the call elsewhere; music, and the caller's position, until there is a place; or
    ``number``."""
    ring: Annotated[float, Field(ge=0.0, le=170.0)] = 20.0
    """Seconds for which the line rings first, for a place that becomes free; 0 for at once."""
    callers: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many wait with music on this agent server; the next one finds the line busy."""
    longest: Annotated[float, Field(ge=10.0, le=7200.0)] = 300.0
    """Seconds for which a caller waits with music; then they are sent to ``number``, if there is
    one, or asked to call again."""
    number: Annotated[str, Field(pattern=ADDRESS, examples=["+4930123456"])] | None = None
    """Where callers are sent (SIP REFER, as with ``transfer_call``): a number in E.164, an
    extension of the trunk's own exchange, or a ``sip:`` address."""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.then == "number" and self.number is None:
            raise PydanticCustomError("nowhere", "then: number needs the number to send callers to")
        return self
