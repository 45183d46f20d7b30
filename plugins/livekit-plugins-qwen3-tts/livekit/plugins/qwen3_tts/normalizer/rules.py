"""Applies a language's rules in their order, most specific first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

Say = Callable[[re.Match[str]], str] | str
FIGURES = "0123456789"


class Rule(NamedTuple):
    """One class of token.

    Attributes:
        needs: The rule is tried only where one of these characters is left: most texts hold few
            of them, and this takes two thirds off the time of a unit. Empty: always.
        pattern: What is written.
        say: Its spoken form, from the match.
    """

    needs: frozenset[str]
    pattern: re.Pattern[str]
    say: Say


def rule(needs: str, pattern: str | re.Pattern[str], say: Say) -> Rule:
    r"""Compiles a rule; patterns are ASCII ones, so that Chinese is no \w."""
    compiled = re.compile(pattern, re.ASCII) if isinstance(pattern, str) else pattern
    return Rule(frozenset(needs), compiled, say)


def apply(rules: tuple[Rule, ...], text: str) -> str:
    """Returns the text after every rule."""
    present = frozenset(text)
    for needs, pattern, say in rules:
        if needs and needs.isdisjoint(present):
            continue
        changed = pattern.sub(say, text)
        if changed != text:
            text, present = changed, frozenset(changed)
    return text
