"""What the assistant can look up: the time, a calculation, a conversion of units.

Every tool answers in one short phrase, because the answer is spoken, and tells the model in a
sentence what was wrong when it cannot (a :class:`livekit.agents.ToolError`).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from livekit.agents import ToolError, function_tool
from livekit.agents.llm import Tool, Toolset

if TYPE_CHECKING:
    from pint import UnitRegistry


@function_tool
async def get_time(place: str | None = None) -> str:
    """Tell the current date and time, here or in a large city.

    Args:
        place: A large city in English, such as Paris, or a time zone such as Asia/Tokyo; omit
            it for the local time.
    """
    zone = _zone(place) if place else None
    now = datetime.now(zone).astimezone(zone)
    return now.strftime("%A, %d %B %Y, %H:%M")


@function_tool
async def calculate(expression: str) -> str:
    """Work out an arithmetic expression.

    Args:
        expression: Numbers with + - * / % ** and brackets, for example (3 + 4) * 12.5.
    """
    # Imported at first use: it is not needed to answer the phone.
    from simpleeval import InvalidExpression, simple_eval

    try:
        value = simple_eval(expression, names={}, functions={})
    except (InvalidExpression, SyntaxError, ArithmeticError, TypeError, ValueError) as e:
        raise ToolError(f"Cannot work out {expression!r}: {e}.") from e
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)


@function_tool
async def convert_unit(value: float, from_unit: str, to_unit: str) -> str:
    """Convert a quantity from one unit to another.

    Args:
        value: How many of the first unit.
        from_unit: The unit to convert from, in English, such as mile or degF.
        to_unit: The unit to convert to, in English, such as kilometer or degC.
    """
    from pint import PintError

    units = await asyncio.to_thread(_units)
    try:
        result = units.Quantity(value, from_unit).to(to_unit)
    except (PintError, ArithmeticError, AttributeError, ValueError) as e:
        raise ToolError(f"Cannot convert {from_unit} to {to_unit}: {e}.") from e
    return f"{result.magnitude:.6g} {result.units:P}"


TOOLS: list[Tool | Toolset] = [get_time, calculate, convert_unit]


def _zone(place: str) -> ZoneInfo:
    wanted = place.strip().lower().replace(" ", "_")
    for name in sorted(available_timezones()):
        if wanted in (name.lower(), name.lower().rpartition("/")[2]):
            return ZoneInfo(name)
    raise ToolError(f"No time zone is known for {place!r}: name a large city in English.")


@cache
def _units() -> UnitRegistry[float]:
    # Reading pint's definitions takes 0.1 to 0.5 s: done once, when needed, in a thread. Not with
    # pint's cache on disk: it keeps the paths of the installation that wrote it, and once that is
    # deleted, every other installation of the same version fails.
    from pint import UnitRegistry

    return UnitRegistry()
