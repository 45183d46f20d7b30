"""Applies a language's rules in their order, most specific first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

Say = Callable[[re.Match[str]], str] | str
FIGURES = "0123456789"
# What stands before a figure tells what it is within a few words.
_CUE_REACH = 40


class Rule(NamedTuple):
    """One class of token.

    Attributes:
        needs: The rule is tried only where one of these characters is left: most texts hold few
            of them, and this takes two thirds off the time of a unit. Empty: always.
        pattern: What is written.
        say: Its spoken form, from the match.
        after: The rule holds only where what is written before ends so; it may be in the unit
            before. None: anywhere.
    """

    needs: frozenset[str]
    pattern: re.Pattern[str]
    say: Say
    after: re.Pattern[str] | None = None


def rule(needs: str, pattern: str | re.Pattern[str], say: Say, after: str = "") -> Rule:
    r"""Compiles a rule; patterns are ASCII ones, so that Chinese is no \w."""
    compiled = re.compile(pattern, re.ASCII) if isinstance(pattern, str) else pattern
    cue = re.compile(f"(?:{after})$", re.ASCII) if after else None
    return Rule(frozenset(needs), compiled, say, cue)


def apply(rules: tuple[Rule, ...], text: str, start: int = 0) -> str:
    """Returns the text after every rule.

    Args:
        rules: In the order in which they are applied.
        text: What is to be said, after what was written before it.
        start: Where it begins; what is before tells the rules where they are and is not returned.
    """
    before, text = text[:start], text[start:]
    present = frozenset(text)
    for needs, pattern, say, after in rules:
        if needs and needs.isdisjoint(present):
            continue
        changed = _substitute(pattern, say, after, before + text, start)
        if changed != text:
            text, present = changed, frozenset(changed)
    return text


def _substitute(
    pattern: re.Pattern[str], say: Say, after: re.Pattern[str] | None, text: str, start: int
) -> str:
    if not start and after is None:
        return pattern.sub(say, text)
    done, parts = start, []
    for match in pattern.finditer(text, start):
        cue_from = max(0, match.start() - _CUE_REACH)
        if after and not after.search(text[cue_from : match.start()]):
            continue
        parts += [
            text[done : match.start()],
            match.expand(say) if isinstance(say, str) else say(match),
        ]
        done = match.end()
    return "".join(parts) + text[done:]
