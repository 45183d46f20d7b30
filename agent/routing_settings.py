"""Which agent takes which calls by phone, when somebody is there, and whom calls are sent to."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .engine_settings import Section
from .full_house_settings import ADDRESS
from .languages import Language

CallerId = Literal["asserted", "shown", "withheld"]
"""``asserted``: the provider vouches for the caller's number. ``shown``: the caller says it.
``withheld``: there is none, or it is not to be told."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise PydanticCustomError("zone", "must be a time zone, such as Europe/London")
    return name


def _ordered(span: str) -> str:
    if len({*span.split("-")}) == 1:
        raise PydanticCustomError("span", "ends when it begins: 00:00-24:00 is a whole day")
    return span


Span = Annotated[
    str,
    Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        examples=["09:00-17:30"],
    ),
    AfterValidator(_ordered),
]
"""From a time of day to another; if that is earlier, on the next day."""


class Hours(Section):
    """When somebody is there."""

    zone: Annotated[str, AfterValidator(_zone), Field(examples=["Europe/London"])]
    """Whose clock."""
    open: dict[Day, list[Span]]
    """From when until when, by day (``mon`` to ``sun``); on days that are not named, never."""
    closed: list[date] = []
    """Days on which nobody is there all the same, such as 2026-12-25."""

    def is_open(self, at: datetime) -> bool:
        """Whether somebody is there at a moment, which has its own time zone."""
        here = at.astimezone(ZoneInfo(self.zone))
        now, today = here.time(), here.date()
        if today in self.closed:
            return False
        spans = [(_times(span), 0) for span in self.open.get(_DAYS[today.weekday()], [])]
        before = today - timedelta(days=1)
        spans += [(_times(span), 1) for span in self.open.get(_DAYS[before.weekday()], [])]
        for (begin, end), days in spans:
            overnight = end is not None and end < begin
            if days == 0 and now >= begin and (end is None or overnight or now < end):
                return True
            if days == 1 and overnight and end is not None and now < end:
                return True
        return False


def _times(span: str) -> tuple[time, time | None]:
    """When a span begins and ends; None for at midnight."""
    begin, end = span.split("-")
    return time.fromisoformat(begin), None if end in ("24:00", "00:00") else time.fromisoformat(end)


class Route(Section):
    """Calls of one kind, and who takes them. What is not given is of no matter."""

    agent: str
    """Their agent, by its name."""
    numbers: list[
        Annotated[str, Field(pattern=r"^\+?[0-9*#]{1,20}$", examples=["+4930123456", "100"])]
    ] = []
    """Our numbers that are called."""
    caller_id: list[CallerId] = []
    """What is known of the caller's number."""
    during: str | None = None
    """The name of hours in which they come."""
    outside: str | None = None
    """The name of hours outside which they come: of a night message."""


class Night(Section):
    """What callers are told while nobody is there, without a model."""

    outside: str
    """The name of hours outside which they come."""
    numbers: list[
        Annotated[str, Field(pattern=r"^\+?[0-9*#]{1,20}$", examples=["+4930123456", "100"])]
    ] = []
    """Our numbers that are called; all when not given."""
    says: Annotated[dict[Language, Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    """The message, by language; in the first of them where the caller's is not there."""
    callback: bool = False
    """Offer to be called back, as ``request_callback`` does; by phone, where ``post_call`` has a
    folder, a bucket, a database or a webhook."""

    def text(self, language: Language) -> str:
        """The message for a caller of a language."""
        return self.says.get(language) or next(iter(self.says.values()))


class Destination(Section):
    """Somebody a call can be handed to."""

    address: Annotated[
        str,
        Field(
            pattern=ADDRESS,
            examples=["+4930123456", "100", "sip:sales@pbx.example"],
        ),
    ]
    """A number in E.164, an extension of the trunk's own exchange, or a ``sip:`` address, which
    only ``transfer_call`` takes."""
    about: str = ""
    """When the model is to choose it, in a few words."""
