"""The words of a language that turn-taking knows: one folder for each, with a file ``words.toml``.

What a rule of grammar decides, and no list, is code (``end_of_turn/clause``). Everything else that
is said, or listened for, in a language stands in its file, and a file has every key.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")

_FOLDER = Path(__file__).parent

LANGUAGES: tuple[str, ...] = tuple(sorted(p.parent.name for p in _FOLDER.glob("*/words.toml")))
"""The languages that there are, as tags of ISO 639-1."""


@dataclass(frozen=True)
class Phrases:
    """What the agent says of its own accord."""

    still_there: str
    """Asked once of a user who is silent."""
    goodbye: str
    """Said before the agent leaves a user who stays silent."""
    fillers: tuple[str, ...]
    """Said, in turn, while a tool takes long."""
    backchannels: tuple[str, ...]
    """Said in turn, on a track of their own, while the user tells something long."""


@dataclass(frozen=True)
class Overlap:
    """What somebody says while the agent speaks; case and punctuation make no difference."""

    backchannels: tuple[str, ...]
    """Show that they listen, as people say them and as recognisers write them."""
    stops: tuple[str, ...]
    """End the agent's speech at once, however the sentence goes on."""
    openers: tuple[str, ...]
    """May come before a word that stops."""
    no_beginnings: tuple[str, ...]
    """Begin a backchannel, but oftener something else that is not to wait."""


@dataclass(frozen=True)
class Ends:
    """How what somebody says ends, in words or phrases in lower case and without punctuation."""

    complete: tuple[str, ...]
    """All of an answer or a request, though some of them end as an unfinished clause does."""
    prefaces: tuple[str, ...]
    """A greeting, thanks, an excuse, or a word that stops the agent: where it is all of a turn so
    far, more often follows."""
    beside: tuple[str, ...]
    """May stand before or after one of them."""
    hesitations: tuple[str, ...]
    """Said while the next word is looked for."""
    leads_on: tuple[str, ...]
    """Last words after which something has to follow."""
    endings: tuple[str, ...]
    """The same, of a language that says it by the end of a word."""
    finished_by: tuple[str, ...]
    """Last words, or their ends, that come after everything else."""
    digits: tuple[str, ...]
    """Of a number that is told figure by figure."""
    dictation: tuple[str, ...]
    """Announce such a number."""


@dataclass(frozen=True)
class LongAnswers:
    """What a user says between two parts of a long answer: regular expressions, in lower case."""

    go_on: tuple[str, ...]
    """All of what asks for the next part."""
    attention: tuple[str, ...]
    """All of what shows that they listen."""
    hold: tuple[str, ...]
    """All of what asks to wait."""
    empty: tuple[str, ...]
    """Words of four letters and more that say nothing about a topic."""


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    phrases: Phrases
    overlap: Overlap
    ends: Ends
    long_answers: LongAnswers


@cache
def words(language: str) -> Words:
    """The words of a language; read once.

    Args:
        language: One of :data:`LANGUAGES`.

    Raises:
        KeyError: There is no such language.
        ValueError: Its file lacks a key, or has one that is unknown or empty.
    """
    if language not in LANGUAGES:
        raise KeyError(f"there are no words of {language!r}; there are {', '.join(LANGUAGES)}")
    path = _FOLDER / language / "words.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    _check(table, Words, str(path))
    return Words(
        _section(Phrases, table["phrases"], f"{path}, phrases"),
        _section(Overlap, table["overlap"], f"{path}, overlap"),
        _section(Ends, table["ends"], f"{path}, ends"),
        _section(LongAnswers, table["long_answers"], f"{path}, long_answers"),
    )


def _section(kind: type[_T], table: dict[str, Any], where: str) -> _T:
    _check(table, kind, where)
    values = {
        field.name: _value(table[field.name], f"{where}.{field.name}", one=field.type == "str")
        for field in fields(kind)  # type: ignore[arg-type]
    }
    return kind(**values)


def _check(table: object, kind: type, where: str) -> None:
    if not isinstance(table, dict):
        raise ValueError(f"{where} is not a table")
    names = {field.name for field in fields(kind)}
    if wrong := names ^ table.keys():
        raise ValueError(f"{where} lacks, or has too much: {', '.join(sorted(wrong))}")


def _value(value: object, where: str, *, one: bool) -> str | tuple[str, ...]:
    """One text, or several: an array, or what stands between the commas of a text."""
    if isinstance(value, str) and one:
        found: tuple[str, ...] = (value,)
    elif isinstance(value, str):
        found = tuple(" ".join(v.split()) for v in value.split(",")) if value.strip() else ()
    elif isinstance(value, list) and not one and all(isinstance(v, str) for v in value):
        found = tuple(value)
    else:
        raise ValueError(f"{where} is {value!r}, which is not text")
    if not all(v.strip() for v in found):
        raise ValueError(f"{where} has an empty entry")
    return found[0] if one else found
