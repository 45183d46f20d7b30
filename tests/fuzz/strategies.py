"""What comes from outside: anything, and what is nearly right."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

TEXT = st.text(max_size=300)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 1e308])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)

DEEP = st.sampled_from(["[" * 5_000, '{"a":' * 5_000, "[" * 5_000 + "]" * 5_000])
"""Brackets that no parser follows to their end."""
HALVES = st.sampled_from([r'"\ud83d"', r'{"a": "\udc00 x"}', r'["\ud800", 1]', r'{"\udfff": 1}'])
"""JSON with half of a character, which no encoding has."""
NOT_QUITE_JSON = (
    DEEP | HALVES | TEXT | st.sampled_from(["", "NaN", "1" * 5_000, "\ufeff{}", '"\x00"', "{}{}"])
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have some of these fields, right or wrong."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON))


def written(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Values as JSON, or something that is none."""
    return values.map(json.dumps) | NOT_QUITE_JSON


def is_a_sentence(text: str) -> None:
    """Something that a client can be told."""
    assert text.strip() == text
    assert "\n" not in text
    assert not text.endswith(":")
    text.encode()


@st.composite
def nearly(draw: st.DrawFn, right: Any, values: st.SearchStrategy[Any] = JSON) -> Any:
    """Something right with up to three of its parts changed, taken out or added to."""
    value = copy.deepcopy(right)
    for _ in range(draw(st.integers(0, 3))):
        places = _places(value)
        change = draw(st.sampled_from(places))
        value = change(value, draw(values | NUMBERS), draw(TEXT))
    return value


def _places(value: Any) -> list[Callable[[Any, Any, str], Any]]:
    """What can be done to each part of it."""

    def whole(_: Any, new: Any, name: str) -> Any:
        return new

    found: list[Callable[[Any, Any, str], Any]] = [whole]

    def walk(at: Any) -> None:
        if isinstance(at, dict):
            for key in at:
                found.append(_put(at, key))
                found.append(_taken(at, key))
                walk(at[key])
            found.append(_added(at))
        elif isinstance(at, list):
            for index, item in enumerate(at):
                found.append(_put(at, index))
                walk(item)

    walk(value)
    return found


def _put(inside: Any, key: Any) -> Callable[[Any, Any, str], Any]:
    def change(value: Any, new: Any, _: str) -> Any:
        inside[key] = new
        return value

    return change


def _taken(inside: dict[Any, Any], key: Any) -> Callable[[Any, Any, str], Any]:
    def change(value: Any, _: Any, __: str) -> Any:
        inside.pop(key, None)
        return value

    return change


def _added(inside: dict[Any, Any]) -> Callable[[Any, Any, str], Any]:
    def change(value: Any, new: Any, name: str) -> Any:
        inside[name] = new
        return value

    return change
