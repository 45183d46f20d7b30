from __future__ import annotations

import os
from pathlib import Path

import pytest
from livekit.agents import ToolError

from agent import tools
from agent.tools import calculate, convert_unit, get_time


@pytest.mark.parametrize(
    ("expression", "answer"),
    [("12 * 8", "96"), ("(3 + 4) / 2", "3.5"), ("2 ** 10", "1024"), ("0.1 + 0.2", "0.3")],
)
async def test_calculate(expression: str, answer: str) -> None:
    assert await calculate(expression) == answer


@pytest.mark.parametrize(
    "expression",
    ["1 / 0", "2 +", "__import__('os').system('true')", "9 ** 9 ** 9 ** 9", "'a' * 10 ** 9", "x"],
)
async def test_calculate_refuses_with_a_message_for_the_model(expression: str) -> None:
    with pytest.raises(ToolError, match="Cannot work out"):
        await calculate(expression)


@pytest.mark.parametrize(
    ("value", "source", "target", "answer"),
    [
        (10, "mile", "kilometer", "16.0934 kilometer"),
        (100, "degC", "degF", "212 degree_Fahrenheit"),
        (1, "hour", "second", "3600 second"),
    ],
)
async def test_convert_unit(value: float, source: str, target: str, answer: str) -> None:
    assert await convert_unit(value, source, target) == answer


@pytest.mark.parametrize(("source", "target"), [("mile", "kilogram"), ("mile", "blorp")])
async def test_convert_unit_refuses(source: str, target: str) -> None:
    with pytest.raises(ToolError, match=f"Cannot convert {source} to {target}"):
        await convert_unit(1, source, target)


@pytest.mark.parametrize("place", ["Paris", "new york", "Asia/Tokyo", None])
async def test_get_time_tells_date_and_time(place: str | None) -> None:
    answer = await get_time(place)
    weekday, _, rest = answer.partition(", ")
    assert weekday.endswith("day")
    assert rest[-3] == ":"


async def test_get_time_refuses_an_unknown_place() -> None:
    with pytest.raises(ToolError, match="No time zone is known for 'Nowhere'"):
        await get_time("Nowhere")


async def test_units_do_not_depend_on_another_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A cache on disk would name the files of the installation that wrote it, deleted or not.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tools._units.cache_clear()
    assert await convert_unit(1, "mile", "meter") == "1609.34 meter"
    assert os.listdir(tmp_path) == []
