"""How a change gets into vllm-omni's classes: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TALKER = "Qwen3TTSTalkerForConditionalGeneration"
"""The class of the models for which the talker is changed."""


def need(owner: Any, *names: str) -> None:
    """Check that a class has what a change builds on, before anything is changed.

    Raises:
        AttributeError: It doesn't.
    """
    for name in names:
        if not hasattr(owner, name):
            raise AttributeError(f"{owner.__name__} has no {name}")


def replace(owner: type, name: str, make: Callable[[Callable[..., Any]], Any]) -> None:
    """Replace a method by what ``make`` makes of it.

    Args:
        owner: The class; an inherited method is replaced for it and its subclasses only.
        name: The method's.
        make: Called with the method as it is.

    Raises:
        AttributeError: There is no such method.
    """
    setattr(owner, name, make(getattr(owner, name)))
