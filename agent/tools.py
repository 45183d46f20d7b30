"""What the assistant can look up: the time, a calculation, a conversion of units.

Every tool answers in one short phrase, because the answer is spoken, and tells the model in a
sentence what was wrong when it cannot (a :class:`livekit.agents.ToolError`).
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from livekit.agents import RunContext, ToolError, function_tool, llm
from livekit.agents.llm import Tool
from livekit.plugins import vllm

from .arithmetic import ArithmeticRefusedError, work_out
from .definition.settings import BuiltinTool
from .places import find_zone

if TYPE_CHECKING:
    from pint import UnitRegistry


T = TypeVar("T")

# Seconds that a tool may take: the caller waits for it in silence.
_DEADLINE = 5.0

# A unit is names and small powers of them. Anything else would be worked out by pint, which a
# number such as 9**9**9 never ends.
_LONGEST_UNIT = 60
_POWER = re.compile(r"\s*(?:\*\*|\^)\s*-?\d{1,2}(?![\w.])|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_WRITTEN_POWER = re.compile(r"\b(?:square|squared|cubic|cubed|sq|cu)\b", re.IGNORECASE)
_POWER_OF_POWER = re.compile(r"(?:\*\*|\^|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻])\s*-?\d*\s*(?:\*\*|\^|[⁰¹²³⁴⁵⁶⁷⁸⁹]\s)")
_NAMES = re.compile(r"(?:[^\W\d]|[°%µΩ$€£¥])(?:\w|[ .·*/°µ%'\"-])*")
_NUMBER = re.compile(r"(?<!\w)\d")
_TEMPERATURE = re.compile(
    r"(?P<degrees>[°º]|deg(?:ree)?s?)?[ _]*(?P<scale>c|celsius|centigrade|f|fahrenheit|k|kelvins?)",
    re.IGNORECASE,
)
_SCALES = {"c": "degC", "f": "degF", "k": "kelvin"}


@function_tool
async def get_time(place: str | None = None) -> str:
    """Tell the current date and time, here or elsewhere.

    Args:
        place: A city, such as Paris or Portland, Oregon; a country of one time zone; an offset,
            such as GMT+8; or a time zone, such as Asia/Tokyo. Omit it for the local time.
    """
    return (await now_in(place)).strftime("%A, %d %B %Y, %H:%M")


async def now_in(place: str | None = None) -> datetime:
    """The current time of a place, or the local time.

    Raises:
        ToolError: No time zone is known for it.
    """
    zone = await _in_time(lambda: find_zone(place)) if place and place.strip() else None
    if place and place.strip() and zone is None:
        raise ToolError(
            f"No time zone is known for {_short(place)!r}: name a large city in English."
        )
    return datetime.now(zone).astimezone(zone)


@function_tool
async def calculate(expression: str) -> str:
    """Work out an arithmetic expression.

    Args:
        expression: Numbers with + - * / % ** and brackets, for example (3 + 4) * 12.5.
    """
    try:
        return await _in_time(lambda: work_out(expression))
    except ArithmeticRefusedError as e:
        raise ToolError(f"Cannot work out {_short(expression)!r}: {e}.") from e


@function_tool
async def convert_unit(value: float, from_unit: str, to_unit: str) -> str:
    """Convert a quantity from one unit to another.

    Args:
        value: How many of the first unit.
        from_unit: The unit to convert from, in English, such as mile or degF.
        to_unit: The unit to convert to, in English, such as kilometer or degC.
    """
    refusal = f"Cannot convert {_short(from_unit)} to {_short(to_unit)}"
    for unit in (from_unit, to_unit):
        if not _is_unit(unit):
            raise ToolError(f"{refusal}: {_short(unit)!r} is not the name of a unit.")

    def convert() -> str:
        source, target = _named(from_unit, to_unit), _named(to_unit, from_unit)
        result = _units().Quantity(value, source).to(target)
        if not math.isfinite(result.magnitude):
            raise OverflowError("the value is too large")
        return f"{result.magnitude:.6g} {result.units:P}"

    try:
        return await _in_time(convert)
    except ToolError:
        raise
    except Exception as e:
        # Whatever pint's parser trips over, the model is to read it as a sentence.
        reason = " ".join(str(e).split()).rstrip(".") or "that is not a unit that is known"
        raise ToolError(f"{refusal}: {reason}.") from e


@function_tool
async def get_model(context: RunContext[Any]) -> str:
    """Tell the name of the language model that answers."""
    if name := model_name(context.session.llm):
        return name
    raise ToolError("The name of the language model is not known.")


def model_name(model: object) -> str | None:
    """What the model that is asked next is called, without whose it is; None if that is not known.

    Args:
        model: The session's.
    """
    if not isinstance(model, llm.LLM):
        return None
    # The name of the one that answered last is another's where the first choice is well again.
    name = model.next_model if isinstance(model, vllm.LLM) else model.model
    return None if name in ("", "unknown") else name.rstrip("/").rpartition("/")[2]


BUILTIN: dict[BuiltinTool, Tool] = {
    "get_time": get_time,
    "calculate": calculate,
    "convert_unit": convert_unit,
    "get_model": get_model,
}
"""By the names that ``builtin_tools`` of an ``agent.yaml`` takes."""


def _is_unit(text: str) -> bool:
    """Whether a text is made of names and small powers, none of them a power of a power."""
    powers = len(_POWER.findall(text))
    written = len(_WRITTEN_POWER.findall(text))
    names = _POWER.sub("", text.strip())
    return (
        len(text) <= _LONGEST_UNIT
        and _NAMES.fullmatch(names) is not None
        and not _NUMBER.search(names)
        and not _POWER_OF_POWER.search(text)
        and not (written and powers)
        and written <= 1 + text.count("/") + text.lower().split().count("per")
    )


def _named(unit: str, other: str) -> str:
    """A unit by the name that pint knows; degrees are no angles beside a temperature."""
    found = _TEMPERATURE.fullmatch(unit.strip())
    if found:
        # A letter alone may be a coulomb or a farad.
        sure = found["degrees"] or len(found["scale"]) > 1
        if sure or _TEMPERATURE.fullmatch(other.strip()):
            return _SCALES[found["scale"][0].lower()]
    spelled = re.sub(r"[ -]+", "_", unit.strip())
    if spelled.lower() in ("fl_oz", "fluid_oz"):
        return "fluid_ounce"
    try:
        _units().parse_units(unit)
    except Exception:  # pint's parser trips over more than it says
        return _known(spelled) or _known(spelled.lower()) or unit
    return unit


def _known(name: str) -> str | None:
    """The name if pint has such a unit, without its plural; None else."""
    try:
        return next((n for n in (name, name.removesuffix("s")) if n in _units()), None)
    except Exception:
        return None


async def _in_time(work: Callable[[], T]) -> T:
    """Do the work beside the conversation, which goes on meanwhile.

    Raises:
        ToolError: It took too long.
    """
    try:
        async with asyncio.timeout(_DEADLINE):
            return await asyncio.to_thread(work)
    except TimeoutError as e:
        raise ToolError("That takes too long to find out.") from e


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_UNIT else f"{text[:_LONGEST_UNIT]}…"


@cache
def _units() -> UnitRegistry[float]:
    # Reading pint's definitions takes 0.1 to 0.5 s: done once, when needed, in a thread. Not with
    # pint's cache on disk: it keeps the paths of the installation that wrote it, and once that is
    # deleted, every other installation of the same version fails.
    from pint import UnitRegistry

    return UnitRegistry()
