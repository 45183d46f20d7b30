"""Style tags are heeded, and never spoken or shown, in whatever pieces they come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts import Style, StyleParser, strip_style

PLAIN = Style()


def parse(text: str, cuts: list[int] | None = None) -> list[tuple[str, Style]]:
    parser = StyleParser()
    edges = [0, *sorted(cuts or []), len(text)]
    parts = [p for a, b in zip(edges, edges[1:], strict=False) for p in parser.push(text[a:b])]
    joined: list[tuple[str, Style]] = []
    for part, style in [*parts, *parser.flush()]:
        if joined and joined[-1][1] == style:
            joined[-1] = joined[-1][0] + part, style
        else:
            joined.append((part, style))
    return joined


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", [("plain", PLAIN)]),
        ("<style calm>a</style>b", [("a", Style("calm")), ("b", PLAIN)]),
        ('<style voice="Ryan">a</style>', [("a", Style(None, "Ryan"))]),
        ("<style voice='Ryan' very angry>a</style>", [("a", Style("very angry", "Ryan"))]),
        ('<style instructions="soft voice">a', [("a", Style("soft voice"))]),
        ("<style: 温柔地说>好</style>", [("好", Style("温柔地说"))]),
        ("<STYLE Loud>a</STYLE >b", [("a", Style("Loud")), ("b", PLAIN)]),
        (
            "<style sad>a<style voice='X'>b</style>c</style>d",
            [("a", Style("sad")), ("b", Style("sad", "X")), ("c", Style("sad")), ("d", PLAIN)],
        ),
        # What is not a style tag is text, for the normaliser to judge.
        ("1 < 2 and <b>bold</b>", [("1 < 2 and <b>bold</b>", PLAIN)]),
        ("a <styles> b", [("a <styles> b", PLAIN)]),
        ("the end <", [("the end <", PLAIN)]),
        # Broken tags lose their own part and nothing of the text.
        ("a</style>b", [("ab", PLAIN)]),
        ("<style calm\nHello", [("calm\nHello", PLAIN)]),
        ('<style voice="Ryan" \nHello', [(" \nHello", PLAIN)]),
        ("<style calm <style sad>b", [("calm ", PLAIN), ("b", Style("sad"))]),
        ("Hello <style", [("Hello ", PLAIN)]),
        ("Hello </sty", [("Hello </sty", PLAIN)]),
    ],
)
def test_a_text(text: str, expected: list[tuple[str, Style]]) -> None:
    assert parse(text) == expected
    assert parse(text, list(range(len(text)))) == expected


def test_strip() -> None:
    assert strip_style("A <style calm>b</style> c.") == "A b c."


PARTS = st.sampled_from(
    [
        "<style calm>", "</style>", '<style voice="Ryan">', "<style", ">", "<", "/", "Hello ",
        "你好", "\n", "x" * 600, "=",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(text=st.lists(PARTS, max_size=15).map("".join), data=st.data())
def test_the_spans_do_not_depend_on_the_tokens(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=20))
    whole = parse(text)
    assert parse(text, cuts) == whole
    assert "<style calm>" not in "".join(part for part, _ in whole)


@given(text=st.text(alphabet=st.characters(exclude_characters="<"), max_size=50))
def test_text_without_tags_is_untouched(text: str) -> None:
    assert "".join(part for part, _ in parse(text)) == text
