"""Callers by phone: what the agent may do with them, and what that may cost."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from .engine_settings import Section
from .full_house_settings import FullHouseSettings
from .languages import Language
from .number_ranges import ORDINARY, NumberRange
from .routing_settings import Destination, Hours, Night, Route
from .store_address import store_address
from .turn_settings import Seconds, TurnSettings

PhoneTool = Literal[
    "hang_up",
    "ask_for_digits",
    "press_keys",
    "hold",
    "request_callback",
    "transfer_call",
    "warm_transfer",
    "place_call",
]
"""What the model may be given to do on the phone; the last three cost money, and ask first."""


def _country(code: str) -> str:
    if code not in SUPPORTED_REGIONS:
        raise ValueError("must be a country by ISO 3166-1, as GB")
    return code


class PhoneSettings(Section):
    """Callers by phone (``agent/telephony``)."""

    turns: TurnSettings = TurnSettings(vad_threshold=0.4, min_silence=0.35, min_interruption=0.8)
    """Who has the floor, in place of the profile's own ``turns``: in a telephone's band a voice is
    noticed later, and lost packets leave gaps in it (``make bench-narrowband``)."""
    language: Language | None = None
    """Language of a caller whose dispatch rule names none; the profile's own when not given."""
    tools: list[PhoneTool] = []
    """What the model is given to do on the phone; in a browser ``place_call`` at most."""
    country: Annotated[str, AfterValidator(_country)] | None = None
    """Country of the numbers that a provider or an exchange tells without a country code, by ISO
    3166-1, such as ``GB``; that of the number that was called when not given."""
    agents: dict[
        Annotated[str, Field(pattern=r"^\+?[0-9*#]{1,20}$", examples=["+4930123456", "100"])], str
    ] = {}
    """Who takes the calls to a number of ours, by its name among ``agents``; the usual one takes
    the others."""
    hours: dict[str, Hours] = {}
    """When somebody is there, by a name."""
    routes: list[Route] = []
    """Who takes which calls: the first that fits, before ``agents``."""
    night: Night | None = None
    """What callers are told outside some hours, without a model, before any agent; nothing when not
    given."""
    destinations: dict[str, Destination] = {}
    """Whom a call can be transferred to, by the name that the model uses. There is no other way to
    name a destination."""
    trunk: str | None = None
    """Name of the outbound trunk that calls are placed through (``configs/trunks.yaml``)."""
    prefixes: list[Annotated[str, Field(pattern=r"^\+[1-9][0-9]*$", examples=["+44"])]] = []
    """Beginnings of the numbers that may be called, such as ``+4420``; one that is a country code
    alone, as ``+1``, means the main country of those that share it."""
    countries: list[Annotated[str, AfterValidator(_country)]] = []
    """Countries whose numbers may be called as well, by ISO 3166-1, such as ``CA``. With neither
    these nor prefixes only destinations may be called."""
    ranges: list[NumberRange] = list(ORDINARY)
    """What kinds of numbers may be called there. Premium rates, shared costs, numbers that follow a
    person, satellites and numbers that nobody has are left out unless they are named."""
    calls_per_minute: Annotated[int, Field(ge=1, le=600)] = 2
    """Calls that may be placed or transferred within a minute, by all conversations together."""
    minutes_per_day: Annotated[int, Field(ge=1, le=100_000)] = 60
    """Minutes of placed calls within 24 hours, by all conversations together. Each has those set
    aside that it may take, ``max_minutes`` at most, and gives back what it did not."""
    budget_store: (
        Annotated[
            str,
            Field(
                pattern=r"^(sqlite:///.+|(redis|rediss|unix)://.+)$",
                examples=["redis://HOST:PORT/DATABASE", "sqlite:///PATH"],
            ),
            AfterValidator(store_address),
        ]
        | None
    ) = None
    """Where what was called is remembered: the Redis that several agent servers share,
    ``redis://HOST:PORT/DATABASE``, or a file, ``sqlite:///PATH``. ``history_store`` when not given,
    or else a file in the user's state folder."""
    ring: Annotated[float, Field(ge=5.0, le=80.0)] = 30.0
    """How long a call that is placed may ring, in seconds; LiveKit waits 80 at most."""
    max_minutes: Annotated[float, Field(gt=0.0, le=1440.0)] = 30.0
    """Longest call, in minutes."""
    full_house: FullHouseSettings = FullHouseSettings()
    """What a caller meets while every place is taken."""
    warning: Seconds = 30.0
    """How long before that the caller is told, in seconds."""
    answer_timeout: Seconds = 8.0
    """How long a question that only keys or a yes can answer waits for them, in seconds."""

    @model_validator(mode="after")
    def _has_hours(self) -> Self:
        named = [
            (f"routes.{nth}", name)
            for nth, route in enumerate(self.routes)
            for name in (route.during, route.outside)
        ]
        for where, name in [*named, ("night", self.night and self.night.outside)]:
            if name is not None and name not in self.hours:
                known = ", ".join(self.hours) or "none"
                raise PydanticCustomError(
                    "hours",
                    "{where}: there are no hours {name} ({known})",
                    {"where": where, "name": name, "known": known},
                )
        return self

    @property
    def may_cost(self) -> bool:
        """Whether calls can be placed or transferred."""
        placed = self.trunk and (self.prefixes or self.countries or self.destinations)
        sent_on = self.full_house.number or ("transfer_call" in self.tools and self.destinations)
        return bool(placed or sent_on)
