"""What a caller is asked before something is done: a text by language, with arguments in braces.

Python can give a function in its place, which looks first whether it can be done at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, Literal

from agent.languages import Language

Key = Literal[Language, "any"]
"""A language, or all that have no text of their own."""

Question = Mapping[Key, str]
"""The question by language; ``{argument}`` is a value of the tool's call."""

Asking = Callable[..., str | Mapping[Any, str]]
"""Gives the question, or one by language, from the arguments of the tool's call."""


def placeholders(template: str) -> list[str]:
    """The names of the arguments that a question reads out.

    Raises:
        ValueError: Its braces are not names; the text says which.
    """
    names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"{{{name}}} is not the name of an argument")
    return names
