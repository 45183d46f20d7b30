"""JSON that somebody else wrote, as it can be sent and stored."""

from __future__ import annotations

from typing import Any

import pytest

from agent.foreign_json import read_json


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'"a\u0000b"', "ab"),
        (r'{"a\u0000": ["\u0000", {"b": "\u0000c"}]}', {"a": ["", {"b": "c"}]}),
        (r'"\ud83d"', "\ufffd"),
        (r'"\ud83d\ude00 \u0000"', "\U0001f600 "),
        ("[NaN, Infinity, -Infinity, 1e999, 1.5]", [None, None, None, None, 1.5]),
        (r'"C:\\0 \\u0000"', r"C:\0 \u0000"),
    ],
)
def test_what_cannot_be_stored_is_left_out(written: str, read: Any) -> None:
    assert read_json(written) == read
