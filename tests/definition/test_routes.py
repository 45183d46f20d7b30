"""Who takes a call by phone: by its number, the hour, and what is known of the caller."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from agent import settings
from agent.definition.choice import Agents, Arrived, Assignment
from agent.phone_settings import PhoneSettings
from agent.routing_settings import CallerId, Hours
from agent.settings import Settings, SettingsError

from .conftest import Folder

HOURS = {
    "zone": "Europe/Berlin",
    "open": {
        "mon": ["09:00-12:00", "13:00-17:30"],
        "fri": ["22:00-02:00"],
        "sun": ["00:00-24:00"],
    },
    "closed": ["2026-12-28"],
}


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-30 08:59", False),  # a Monday
        ("2026-11-30 09:00", True),
        ("2026-11-30 12:00", False),
        ("2026-11-30 17:29", True),
        ("2026-11-30 17:30", False),
        ("2026-12-01 10:00", False),  # a day that is not named
        ("2026-12-28 10:00", False),  # a Monday that is closed
        ("2026-12-04 23:00", True),  # a Friday night
        ("2026-12-05 01:59", True),
        ("2026-12-05 02:00", False),
        ("2026-12-05 23:00", False),
        ("2026-12-06 00:00", True),
        ("2026-12-06 23:59", True),
        ("2026-12-07 00:00", False),
        ("2026-03-29 12:00", True),  # the Sunday on which the clock is put forward
    ],
)
def test_hours(at: str, is_open: bool) -> None:
    hours = Hours.model_validate(HOURS)
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert hours.is_open(moment) is is_open
    assert hours.is_open(moment.astimezone(ZoneInfo("Asia/Tokyo"))) is is_open


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"zone": "Berlin"}, "must be a time zone"),
        ({"open": {"mon": ["9-17"]}}, "pattern"),
        ({"open": {"mon": ["09:00-25:00"]}}, "pattern"),
        ({"open": {"mon": ["09:00-09:00"]}}, "ends when it begins"),
        ({"open": {"monday": []}}, "'mon', 'tue'"),
        ({"closed": ["Christmas"]}, "date"),
    ],
)
def test_wrong_hours(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Hours.model_validate({**HOURS, **wrong})


DESK, SHOP = "+442079460018", "100"
ROUTES = [
    {"agent": "guard", "caller_id": ["withheld"], "numbers": [DESK]},
    {"agent": "night", "outside": "office", "numbers": [DESK, SHOP]},
    {"agent": "desk", "during": "office", "caller_id": ["asserted"], "numbers": [DESK]},
]


@pytest.fixture
def profile(folder: Folder) -> Settings:
    names = ("guard", "night", "desk", "shop")
    phone = {"routes": ROUTES, "hours": {"office": HOURS}, "agents": {DESK: "shop"}}
    return settings.load("gpu").model_copy(
        update={
            "agents": {name: str(folder(at=name)) for name in names},
            "phone": PhoneSettings.model_validate(phone),
        }
    )


DAY, NIGHT = "2026-11-30T10:00+01:00", "2026-11-30T20:00+01:00"


@pytest.mark.parametrize(
    ("number", "caller_id", "at", "taken"),
    [
        (DESK, "withheld", DAY, "guard"),
        (DESK, "withheld", NIGHT, "guard"),  # the first that fits
        (DESK, "shown", NIGHT, "night"),
        ("442079460018", "shown", NIGHT, "night"),
        (DESK, "asserted", DAY, "desk"),
        (DESK, "shown", DAY, "shop"),  # none fits: whose number it is
        (SHOP, "withheld", DAY, "parley"),
        (SHOP, "withheld", NIGHT, "night"),
        (None, "shown", NIGHT, "parley"),
        ("+1202", "shown", NIGHT, "parley"),
    ],
)
def test_the_first_route_that_fits_a_call(
    profile: Settings, number: str | None, caller_id: CallerId, at: str, taken: str
) -> None:
    call = Arrived(number, caller_id, datetime.fromisoformat(at))
    assert Agents(profile).take(Assignment(), call).key == taken


def test_a_call_that_names_its_agent_takes_no_route(profile: Settings) -> None:
    call = Arrived(DESK, "withheld")
    assert Agents(profile).take(Assignment(agent="shop"), call).key == "shop"


def test_a_visitor_of_the_page_takes_no_route(folder: Folder) -> None:
    anybody = PhoneSettings.model_validate({"routes": [{"agent": "shop"}]})
    profile = settings.load("gpu").model_copy(
        update={"agents": {"shop": str(folder(at="shop"))}, "phone": anybody}
    )
    assert Agents(profile).take(Assignment()).key == "parley"
    assert Agents(profile).take(Assignment(), Arrived()).key == "shop"


def test_routes_lead_to_agents_and_hours_that_there_are(profile: Settings) -> None:
    with pytest.raises(ValidationError, match=r"routes\.0: there are no hours night \(none\)"):
        PhoneSettings.model_validate({"routes": [{"agent": "shop", "during": "night"}]})
    nowhere = PhoneSettings.model_validate({"routes": [{"agent": "nobody"}]})
    with pytest.raises(SettingsError, match=r"phone\.routes\.0: there is no agent 'nobody'"):
        Agents(profile.model_copy(update={"phone": nowhere})).all()
