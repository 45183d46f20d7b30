"""The languages that Parley speaks: a folder for each, of data alone.

``words.toml`` has what the agent says and listens for, ``page.json`` the words of the web page,
``prerecorded/`` the sounds of its prompts, where a voice of the CPU profile speaks the language.
The words by which turns are taken are the turn-taking plugin's, and how figures are read out is
the voice's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

FOLDER = Path(__file__).resolve().parent

Language = Literal["en", "zh", "ja", "ko", "de", "fr", "ru", "pt", "es", "it"]
"""Those that Qwen3-TTS speaks; each is a folder here."""

LANGUAGES: tuple[Language, ...] = get_args(Language)

Phrase = Literal["wait", "deaf", "again", "sorry", "mute", "goodbye", "cut_off", "go_on"]
"""``wait``: an answer is late. ``deaf``: nothing was recognised of what the user said, yet.
``again``: it will not be. ``sorry``: there is no answer. ``mute``: there is one, to be read.
``goodbye``: too many turns in a row had none. ``cut_off``: the agent before this one has died, and
this one answers what it left unanswered; ``go_on``: it is the user's turn."""

PHRASES: tuple[Phrase, ...] = get_args(Phrase)

Refusal = Literal["emergency", "place", "range", "calls", "minutes", "unable"]
"""``emergency``: an agent is no way to get help. ``place``: nobody there may be called. ``range``:
nor at such a price. ``calls``: too many within a minute. ``minutes``: those of the day are used up.
``unable``: not now."""

REFUSALS: tuple[Refusal, ...] = get_args(Refusal)

Missed = Literal["busy", "unanswered", "unreachable"]
"""Why a call that was placed came to nothing."""

MISSED: tuple[Missed, ...] = get_args(Missed)

Text = Annotated[str, Field(min_length=1)]


def _patterns(texts: list[str]) -> list[str]:
    for text in texts:
        try:
            re.compile(text)
        except re.error as e:
            raise ValueError(f"{text!r} is not a regular expression: {e}") from e
    return texts


def any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """A regular expression that finds what any of some find, without regard to case."""
    return re.compile("|".join(f"(?:{text})" for text in texts), re.IGNORECASE)


Patterns = Annotated[list[Text], Field(min_length=1), AfterValidator(_patterns)]
"""Regular expressions, any of which is looked for without regard to case."""

Pattern = Annotated[Text, AfterValidator(lambda text: _patterns([text])[0])]
"""One of them."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Assistant(_Table):
    """The assistant's own words."""

    answers: Text
    """How answers are spoken, added to the instructions of an agent: byte-stable, for the server's
    prefix cache holds the prompt between turns."""
    in_parts: Text
    """Added to it where a long answer is to be given in parts."""
    greeting: Text
    """The first words of an agent that brings none of its own; ``{{name}}`` is its name."""
    refusal: Text
    """Said in place of what must not be told."""
    visitor: Text
    """Tells the model who has signed in at the page."""
    limit: Text
    """Said when a conversation has reached its limit."""
    closing: Text
    """Said when the agent server stops."""
    recorded: Text
    """Said first of a call that is recorded."""
    may_remember: Text
    """Asks whether notes on the caller may be kept."""
    may_forget: Text
    """Asks whether they are to be deleted."""


class Facts(_Table):
    """What is looked up for a model that calls no tools, and told it beside the question."""

    clock: Text
    """Tells the time."""
    now: Text
    """The time and the date in it, as they are written."""
    date: Text | None = None
    """In its place where the date is asked for, if a small model tells something else of it."""
    names_date: Pattern | None = None
    """Stands in a question for the date."""
    weekdays: Annotated[list[Text], Field(min_length=7, max_length=7)]
    """From Monday on, as ``now`` has them."""
    months: Annotated[list[Text], Field(min_length=12, max_length=12)]
    calculator: Text
    """Tells the result of a sum."""
    around: Pattern
    """May stand before or after a question: a greeting, "please", "can you tell me"."""
    asks_time: Patterns
    """A whole question for the time or the date now; ``{place}`` is where, if it says."""
    place: Pattern
    """What stands for ``{place}``, with the name alone as its group ``place``."""
    asks_sum: Patterns
    """A whole question for the result of ``{sum}``."""
    model: Text
    """Tells the name of the model: a small one takes itself for the one it has read most of."""
    asks_model: Patterns
    """A whole question for the model that answers."""
    decimal_mark: Literal[".", ","]
    """The other one parts thousands."""
    plus: Pattern
    """Said between two numbers, like the three that follow."""
    minus: Pattern
    times: Pattern
    divided_by: Pattern
    doubtful_signs: Annotated[str, AfterValidator(lambda text: _patterns([text])[0])]
    """Of these, such as stand between numbers that are no sum, too ("3 por 2", an offer): they
    count only where somebody asks."""


class Phone(_Table):
    """What is said on the phone in words that are ready, so that no model changes them."""

    ending_soon: Text
    queue: Text
    """Said to callers for whom there is no place yet; ``{position}`` is theirs in the line."""
    nobody_free: Text
    """Said when there was none for as long as they may wait."""
    callback_number: Text
    """Asks whoever wants to be called back, and has withheld their number, for one."""
    offer_callback: Text
    """Asks at night whether they want to; a hint how to say yes follows."""
    callback_noted: Text
    """The last words to who does."""
    confirm_transfer: Text
    transferring: Text
    confirm_warm_transfer: Text
    calling: Text
    not_taken: Text
    """Said when ``{name}`` has picked up for a warm transfer, and does not want the call."""
    briefing: Text
    connected: Text
    confirm_call: Text
    refused: Annotated[dict[Refusal, Text], Field(min_length=len(REFUSALS))]
    """Said when a call is not placed, by what keeps it from that."""
    missed: Annotated[dict[Missed, Text], Field(min_length=len(MISSED))]
    """Said when nobody took a call that was placed, by what the network said."""
    call: Text
    """What the model is told of the call."""
    withheld: Text
    """In place of the caller's number."""
    unknown: Text
    """In place of our number."""
    destinations: Text
    """Tells the model whom a call can be handed to."""


class Answers(_Table):
    """What a caller answers to a question of the code's own."""

    yes_hint: Text
    """Said after a question that wants a yes."""
    yes_again: Text
    """Said when that got none, and no no either."""
    yes_again_in_words: Text
    """The same to somebody who has no keys."""
    digits_again: Text
    """Said when a question for digits got none."""
    yes: Patterns
    no: Patterns
    """Wins over a yes: "no, yes, wait" is not one."""
    passing: Patterns
    """Said with a yes as with a no, such as "no problem": neither, though it has words of one."""
    doubt: Patterns
    """Questions and conditions: with one of them, or a question mark, a yes is none yet."""
    along: Patterns
    """All that may be said with a yes: with anything else ("okay, goodbye") it is none yet."""
    digits: Annotated[list[Text], Field(min_length=10, max_length=10)]
    """The words of 0 to 9, of each those that there are, with blanks between them."""
    doubtful_digits: str
    """Of these, such as sound like digits and are said before them as often: they count only after
    one."""
    larger_numbers: Pattern | None = None
    """Whole words of numbers above nine that are not read, and "double": an answer with one beside
    another number is asked for again, for its other digits alone would be a wrong number."""


class AnsweringMachine(_Table):
    """What is heard of a call that was placed, when no person has answered it."""

    unreachable: Patterns
    voicemail: Patterns
    menu: Patterns
    absent: Patterns
    """Said by a machine of the person who cannot be had."""


class Words(_Table):
    """All words of a language but those of the page."""

    name: Text
    """Of the language, in itself."""
    assistant: Assistant
    facts: Facts
    prompts: Annotated[dict[Phrase, Text], Field(min_length=len(PHRASES))]
    """What is said when an engine or an agent fails, by what has happened."""
    phone: Phone
    answers: Answers
    answering_machine: AnsweringMachine


@cache
def words(language: Language) -> Words:
    """The words of a language; read once.

    Raises:
        pydantic.ValidationError: Its file lacks a key, or has an unknown one.
    """
    path = FOLDER / language / "words.toml"
    return Words.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def language_named(name: str | None) -> Language | None:
    """The language with that tag; None if it is not one that we speak."""
    return next((language for language in LANGUAGES if language == name), None)


def nearest(language: Language, voiced: Collection[Language]) -> Language:
    """The language in which a user of one is answered, of those that a voice speaks."""
    return next(each for each in (language, "en", *voiced) if each in voiced)


def heard_with(language: Language) -> tuple[Language, ...]:
    """The languages in which a speaker of one may answer: who speaks Chinese says "okay", too."""
    return ("en", "zh") if language in ("en", "zh") else (language,)
