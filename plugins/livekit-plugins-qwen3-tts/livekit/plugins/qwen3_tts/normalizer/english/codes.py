"""Reads what is named figure by figure in English: addresses, telephone numbers, codes, models."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ..patterns import CODE_GROUPS, DASH, EMAIL, END, PHONE, POINTED, URL, phone_groups, url_parts
from ..rules import FIGURES, Rule, rule
from .numbers import by_group, by_name, cardinal, digits, plural

_ADDRESS: Final = {
    ".": " dot ", "/": " slash ", "-": " dash ", "_": " underscore ", ":": " colon ",
    "+": " plus ", "~": " tilde ",
}  # fmt: skip


def _address(text: str) -> str:
    text = "".join(_ADDRESS.get(char, char) for char in text)
    text = re.sub(r"\d+", lambda figure: f" {digits(figure[0])} ", text)
    return re.sub(r" {2,}", " ", text).strip()


def say_email(match: re.Match[str]) -> str:
    """Reads a_1@b.org as a underscore one at b dot org."""
    return f"{_address(match[1])} at {_address(match[2])}"


def say_url(match: re.Match[str]) -> str:
    """Reads https://www.example.com/a?b=1 as example dot com slash a."""
    return _address(url_parts(match))


def say_phone(match: re.Match[str]) -> str:
    """Reads 555-123-4567 digit by digit, with a pause between groups."""
    plus, groups = phone_groups(match)
    return ("plus " if plus else "") + ", ".join(digits(group) for group in groups)


def say_version(match: re.Match[str]) -> str:
    """Reads v2.0.1 as version two point zero point one."""
    parts = match["parts"].split(".")
    address = len(parts) == 4 and all(int(part) <= 255 for part in parts)
    prefix = match["prefix"] or ""
    if prefix in ("v", "V"):
        spoken_already = re.search(r"version\s$", match.string[: match.start()], re.IGNORECASE)
        prefix = "" if spoken_already else "version "
    if address:
        return prefix + " dot ".join(digits(part) for part in parts)
    return prefix + " point ".join(cardinal(part) for part in parts)


def say_code(match: re.Match[str]) -> str:
    """Reads the 302 of a room as three oh two."""
    return digits(match[1], "oh" if len(match[1]) <= 3 else "zero")


def say_code_groups(match: re.Match[str]) -> str:
    """Reads E873 204 115 figure by figure, with a pause between groups."""
    named = re.sub(r"\d+", lambda figures: f" {digits(figures[0])}", match[0].replace(" ", ","))
    return named.strip()


# Numbers of cases, orders and rooms hold dashes, too.
_NUMBERED = re.compile(
    r"\b(?:case|order|account|acct|ticket|reference|ref|id|number|no|code|invoice|serial|tracking|"
    r"policy|claim|zip|part|model|room|unit|apartment|apt|suite|confirmation|booking)\.?"
    r"(?: (?:number|id|code|no\.?))?(?: (?:is|was))?:? ?#?$",
    re.IGNORECASE,
)

_SCORED = re.compile(r"\b(?:scor|won|win|lost|lose|beat|lead|led|tied|draw)")


# A range that begins with a small figure and ends beyond this is a number with a dash in it.
_WIDEST = 1000


def say_dashed(match: re.Match[str]) -> str:
    """Reads 3-5 as a range, 302-1 as a number with a dash in it."""
    low, high = match["low"].replace(",", ""), match["high"].replace(",", "")
    text = match.string[: match.start()]
    if _NUMBERED.search(text[-40:]):
        return f"{by_group(low)}, {by_group(high)}"
    if len(low) < 4 and _SCORED.search(match.string):
        return f"{cardinal(low)} to {cardinal(high)}"
    whole = "." not in low + high
    if whole and (
        (low[0] == "0" and len(low) > 1)
        or (len(high) >= 4 and int(high) > _WIDEST * max(int(low), 1))
    ):
        return f"{by_group(low)}, {by_group(high)}"
    if Decimal(low) >= Decimal(high):
        # "9-5" is hours, "302-1" a room.
        if len(low) <= 2 and len(high) <= 2:
            return f"{cardinal(low)} to {cardinal(high)}"
        return f"{by_name(low)} dash {by_name(high)}"
    return f"{cardinal(low)} to {cardinal(high)}"


def say_groups(match: re.Match[str]) -> str:
    """Reads 5-4-3 and 00-11-22-33 group by group."""
    return ", ".join(by_group(group) for group in re.split("[-–]", match[0]))


def say_name(match: re.Match[str]) -> str:
    """Reads GPT-4 as GPT four, BA123 as BA one two three."""
    text = re.sub(r"\.(?=\d{3,}|\d*[A-Za-z])|(?<=[A-Za-z])\.", " ", match[0].replace("-", " "))
    if several := re.fullmatch(r"([A-Z]{1,6}) ?(\d{1,3})s", text):  # MP3s, F-16s
        return f"{several[1]} {plural(by_name(several[2]))}"
    text = re.sub(r"\d+(?:\.\d+)?", lambda figure: f" {by_name(figure[0])} ", text)
    return re.sub(r" {2,}", " ", text).strip()


def _coded(match: re.Match[str]) -> str:
    return f"{digits(match[1])} {match[2]}"


def _liner(match: re.Match[str]) -> str:
    variant = f"dash {cardinal(match[2])}" if len(match[2]) < 3 else cardinal(match[2])
    return f"seven {cardinal(match[1])} {variant}"


def _vanity(match: re.Match[str]) -> str:
    return f"one, {cardinal(match[1])}, {match[2].replace('-', ' ')}"


def _hexadecimal(match: re.Match[str]) -> str:
    named = (digits(char) if char.isdigit() else char.upper() for char in match[1])
    return f"zero x {' '.join(named)}"


_VERSIONED = "(?i:version|release|python|node|cuda|ubuntu|macos|ios|android|pytorch|django|java)"

# After these a figure is named digit by digit.
_CODE_WORDS = (
    r"\b(?i:room(?: number)?|cv[vc]|otp|security code|suite|apartment|apt\.?|gate|"
    r"flight(?: [A-Z]{2})?|route|highway|"
    r"extension|ext\.?|code|pin|"
    r"password|zip(?: code)?|dial|call|passcode|port|error(?: code)?|status(?: code)?|"
    r"interstate|order(?: number)?|unit|"
    r"digits(?: are| of)?|ending in|"
    r"ends in|account(?: number)?|card(?: number)?|serial(?: number)?|reference(?: number)?|"
    r"(?:booking|membership|member|policy|claim|invoice|license|passport|locker|pickup)"
    r" (?:number|code|id)|"
    r"confirmation(?: number| code)?|tracking number|ticket(?: number)?|case(?: number)?)"
    r"(?:\sis)?:?\s(?:#\s?)?|\bBoeing "
)

# Behind a word a lone letter is a switch ("git commit -m"), behind these a variable ("is -b").
_COMMAND = (
    r"(?:^|\s)(?!(?:is|are|was|be|by|to|of|or|and|than|from|so|get|then|plus|minus|times|over|equals|"
    r"gives|where|if|for|with)\s)[a-z][\w./-]+\s"
)

ADDRESSES: Final[tuple[Rule, ...]] = (
    # Addresses: the library spells out "https://www" and the query, which nobody says.
    rule("@", EMAIL, say_email),
    rule(".:", URL, say_url),
    rule("@", r"(?<=[A-Za-z]@)\d+", lambda m: digits(m[0])),
    rule("_", r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])", " "),
    rule("x", r"\b0x([0-9A-Fa-f]{2,16})\b", _hexadecimal),
    rule(
        "∗",
        r"(?<![\w])(\d{1,8})∗(\d{1,8})(?!\d)",
        lambda m: f"{digits(m[1])}, stars, {digits(m[2])}",
    ),
    rule(
        ":",
        r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3}):(\d{2,5})(?!\d)",
        lambda m: f"{' dot '.join(map(digits, m[1].split('.')))} colon {digits(m[2])}",
    ),
)

NUMBERS: Final[tuple[Rule, ...]] = (
    rule(FIGURES, CODE_GROUPS, say_code_groups, after=_CODE_WORDS),
    # Telephone numbers of all countries, cards: the library knows the American form only.
    rule(
        "1",
        r"(?<![\w-])1-([89]\d\d)-((?=[\d-]*[A-Z])[A-Z0-9]{1,8}(?:-[A-Z0-9]{1,8}){0,3})(?!\w)",
        _vanity,
    ),
    rule(FIGURES, PHONE, say_phone),
    rule("7", r"(?<![\w.,-])7([0-8]7)-([1-9]00|[89]|10)(?![\w-])", _liner),
    rule(".", r"(?<![\w.])[A-Z]\.\d{2,4}(?![\w.])", say_name),
    # Numbers to dial: ten figures in a row are nobody's count.
    rule(
        FIGURES,
        r"(?<!\d)\d{5,6}(?!\d|[,.]\d)",
        lambda m: digits(m[0]),
        after=r"\b[Tt]ext (?:[\"']?[A-Za-z]{1,15}[\"']? to )?",
    ),
    rule(
        FIGURES,
        r"(?<![\w.,])\d{7,12}(?!\d|[,.]\d)",
        lambda m: digits(m[0]),
        after=r"\b(?i:number|phone|tel|cell|mobile|fax|id)(?:\sis)?:?\s",
    ),
    rule(
        FIGURES,
        r"(?<!\d)(?:988|[2-8]11)(?!\d|[,.]\d)",
        lambda m: digits(m[0]),
        after=r"\b[Cc]all [\w ]{3,20} (?:or|and|not) ",
    ),
)

VERSIONS: Final[tuple[Rule, ...]] = (
    # Versions and IP addresses: a point each.
    rule(
        ".vV",
        r"(?<!\d)(?:(?P<prefix>\b[vV])(?P<parts>\d+(?:\.\d+)+)|\b(?!V(?:[468]|1[02])\b)[vV](?P<one>\d+)\b)",
        lambda m: say_version(m) if m["parts"] else f"version {cardinal(m['one'])}",
    ),
    rule(
        ".",
        r"(?P<prefix>)(?<![\d.])(?P<parts>\d+(?:\.\d+)+)(?![\d.]*\d)",
        say_version,
        after=rf"\b{_VERSIONED}\s",
    ),
    rule(".", r"(?<![\w.])(?P<prefix>)(?P<parts>\d+(?:\.\d+){2,3})(?![\d.]*\d)", say_version),
)

CODES: Final[tuple[Rule, ...]] = (
    rule("-", r"(\d{3,8})-([A-Z]{1,3})(?![\w-])", _coded, after=_CODE_WORDS),
    # Switches of a command: no minus.
    rule("-", r"--(?=[a-z]{2})", "dash dash ", after=r"\w[\"']? "),
    rule("-", r"-(?=[A-Za-z](?:[ .,;!?]|$))", "dash ", after=_COMMAND),
    # Codes and room numbers are named figure by figure; the library counts them.
    rule(
        FIGURES,
        r"(\d{3,8})(?![\d%-]|:\d|[.,]\d|\s(?:times|people|years|minutes|days|dollars))",
        say_code,
        after=_CODE_WORDS,
    ),
)

RANGES: Final[tuple[Rule, ...]] = (
    # Ranges, cases, scores.
    rule("-–", r"(?<![\w.,-])\d{1,4}(?:[-–]\d{1,4}){2,5}(?![\w-])", say_groups),
    rule(
        "-–—~",
        rf"(?<![\w.,-])(?P<low>{POINTED}){DASH}(?P<high>{POINTED}){END}(?!-\w|[A-Za-z])",
        say_dashed,
    ),
    rule(FIGURES, r"[A-Za-z]+-?\d+(?:\.\d+)?(?:-?[A-Za-z]+\d*|-\d+)*", say_name),
)
