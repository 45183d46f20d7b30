"""Takes the last stray marks out of what is to be said."""

from __future__ import annotations

from typing import Final

from .rules import Rule, apply, rule

_LAST: Final = (
    rule("_", r"(?<=\w)_+(?=\w)", " "),
    rule("-=", r"(?<!\w)[-=]{3,}(?!\w)", ""),
    rule("()（）", r"[（(]\s*[)）]", ""),
    rule(" ", " {2,}", " "),
    rule(" ", " +(?=[，。！？；：、,!?;:)]|\\.(?![\\w]))", ""),
    rule(" ", "(?<=[，。！？；：、（]) +", ""),
    rule("，,、", "(?<![，,、])[，,、]+(?=[，。！？；：,.!?;:])", ""),
    rule("，、", "(?<=[，。！？；：])[，、]+", ""),
    # A minus and a point belong to the figure that follows.
    rule("", r"^(?:[\s，,、。;；:：!?！？)）]|[-.](?!\d))+", ""),
)
_MARKS: Final = (
    rule("*#`|∣<>[]{}\\^~", r"[*#`|∣<>\[\]{}\\^~]", ""),
    *_LAST,
)
# Where the engine reads the figures, it reads their signs too: a mark goes only where it is none.
_MARKS_FOR_ENGINE: Final = (
    rule("*`|[]{}\\", r"[*`|\[\]{}\\]", ""),
    rule("∗", "∗", "…"),
    rule("∣", "∣", "|"),
    rule(
        "#<>^~",
        r"(?<![A-Za-z])#(?!\d)|[<>](?!\s?=?\s?[-+.]?[\d\w])|\^(?![\w(-])|~(?!\s?\d)",
        "",
    ),
    *_LAST,
)


def tidy(text: str, *, for_engine: bool = False) -> str:
    """Returns the text with stray marks and doubled pauses gone; "" if no word is left.

    Args:
        text: What is to be said.
        for_engine: Whether figures are still figures, to be read by the engine.
    """
    rules: tuple[Rule, ...] = _MARKS_FOR_ENGINE if for_engine else _MARKS
    # Any other kind of space, too.
    text = apply(rules, " ".join(text.split())).strip()
    return text if any(char.isalnum() for char in text) else ""
