"""Phone numbers: which may be dialled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from ..languages import Refusal
from ..number_ranges import ORDINARY, NumberRange

_WRITTEN = re.compile(r"(?:\+|00)[0-9\s().\-/\u2010-\u2015]{6,40}")
"""With a country code, as people write it."""
_BETWEEN = re.compile(r"[\s().\-/\u2010-\u2015]")
_ABOUT_IT = " .,;:!?…。*#"
"""What may stand around a short number: what ends a sentence, and keys that end it."""
_OUTSIDE_LINE = ("0", "9")
"""Dialled before a number in an exchange: 9-911."""
_LONGEST_EMERGENCY = 8
"""Digits, with a country code."""
_TOLD = re.compile(r"\+?[0-9*#]{1,20}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_RANGES: dict[int, NumberRange] = {
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line",  # North America does not tell them apart
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.UAN: "shared_cost",  # but for _ORDINARY_COMPANIES
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.VOICEMAIL: "voicemail",
}

_SATELLITE_CODES = frozenset({870, 881, 882, 883})
"""Country codes of satellites, and of networks at sea and in the air (ITU-T E.164)."""

_OVERLOOKED: tuple[tuple[re.Pattern[str], NumberRange], ...] = (
    # What the library takes for ordinary: satellites by national numbers (Australia's 0147 1,
    # China's 1349 and 1740, Indonesia's 868, Russia's 954), of North America the exchange 976 and
    # directory assistance, and Russia's way abroad (8 10).
    (re.compile(r"\+(?:61147|861349|861740|62868|7954)"), "satellite"),
    (re.compile(r"\+1[2-9][0-9]{2}(?:976|5551212$)"), "premium_rate"),
    (re.compile(r"\+7810"), "unknown"),
)
_ORDINARY_COMPANIES = re.compile(r"\+(?:443|3380[6-9]|353818|4037|4158|4610)")
"""Numbers of companies at the price of a fixed line: Britain's 03, France's 0806 to 0809, Ireland's
0818, Romania's 037, Switzerland's 058, Sweden's 010. Of others, as Japan's 0570, Portugal's 707 or
South Africa's 0861, whoever calls pays more."""

_ELSEWHERE: tuple[tuple[re.Pattern[str], str], ...] = (
    # Under the code of a country whose prices they do not have: Abkhazia, Northern Cyprus, San
    # Marino, and mobile phones of Palestine and (until 2017) of Kosovo.
    (re.compile(r"\+7[89]40"), "GE"),
    (re.compile(r"\+90(?:392|5(?:33|42|48)8)"), "CY"),
    (re.compile(r"\+37744"), "XK"),
    (re.compile(r"\+390549"), "SM"),
    (re.compile(r"\+9725[69]"), "PS"),
    # Of Transnistria, Abkhazia and South Ossetia, which are no country to be named.
    (re.compile(r"\+(?:373(?:533|77[789])|995(?:44|34))"), ""),
)
"""Numbers that the library gives to the country of their code, and where they are."""

_NAMES_COUNTRY = 3
"""Digits after a country code that several countries share from which on a prefix names one of
them: North America's area codes, Jersey's +44 1534."""

Reason = Literal["number"] | Refusal
"""``number``: it is none."""


class NotAllowed(Exception):
    """This may not be called, or not now; the text says why, without the number.

    Args:
        text: Why.
        reason: The same, to be said in the caller's language.
    """

    def __init__(self, text: str, reason: Reason = "unable") -> None:
        super().__init__(text)
        self.reason = reason


def dialable(
    written: str,
    prefixes: Sequence[str],
    countries: Collection[str] = (),
    ranges: Collection[NumberRange] = ORDINARY,
) -> str:
    """The number to dial, in E.164.

    Args:
        written: As somebody wrote or said it, with country code: blanks, hyphens, dots, slashes and
            brackets are dropped, a leading 00 is read as +, and a trunk prefix as in +44 (0)20 is
            left out.
        prefixes: Beginnings of the numbers that may be called, such as ``+44`` or ``+1212``. Of a
            code that several countries share, one without an area means the main country alone.
        countries: Countries whose numbers may be called, by ISO 3166-1, such as ``CA``.
        ranges: What kinds of numbers may be called there.

    Raises:
        NotAllowed: It is not a phone number, is that of an emergency service, is elsewhere, or of
            another kind.
    """
    if _is_emergency(written):
        raise _emergency()
    parsed = _parsed(written)
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if not _E164.fullmatch(number):
        raise _no_number()
    country = _region(parsed, number)
    if country not in countries and not _begins(number, parsed, country, prefixes):
        raise NotAllowed("Numbers of that country or network may not be called.", "place")
    if _is_emergency_of_a_town(parsed):
        raise _emergency()
    kind = range_of(parsed, number)
    if kind == "unknown" and kind not in ranges:
        # Nor could its price be known: exchanges pass over what is too much at the end.
        raise NotAllowed("Nobody has that number: a digit is wrong, or missing.", "number")
    if kind not in ranges:
        raise NotAllowed(
            f"Numbers of that kind ({kind.replace('_', ' ')}) may not be called.", "range"
        )
    return number


def told(number: str | None, country: str | None = None) -> str | None:
    """A number that a provider tells, in E.164; an extension of an exchange as it is.

    Providers write the same caller as +442079460018, 00442079460018, 442079460018 or 02079460018.

    Args:
        number: What the provider tells. A caller may have put any words there, which the model
            would read.
        country: Whose numbers have no country code, by ISO 3166-1.

    Returns:
        None if it is not a number.
    """
    if not number or not _TOLD.fullmatch(number):
        return None
    abroad = number.startswith(("+", "00"))
    written = f"+{number[2:]}" if number.startswith("00") else number
    try:
        parsed = phonenumbers.parse(written, country)
    except phonenumbers.NumberParseException:
        return number
    # Of digits alone only what somebody has: an exchange's own extensions have eight, too.
    if "*" in number or "#" in number or not (abroad or phonenumbers.is_valid_number(parsed)):
        return number
    full = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return full if _E164.fullmatch(full) else number


def country_of(number: str | None) -> str | None:
    """The country of a number in E.164, by ISO 3166-1; None of another."""
    if not number or not number.startswith("+"):
        return None
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    known = _region(parsed, number)
    return known or phonenumbers.region_code_for_country_code(parsed.country_code or 0)


def shown(written: str) -> str:
    """A number by its country code and its last two digits; of what is none, what kind of text.

    Args:
        written: As somebody wrote or said it.
    """
    try:
        parsed = _parsed(written)
    except NotAllowed:
        return "no number"
    return f"+{parsed.country_code}…{str(parsed.national_number)[-2:]}"


def range_of(parsed: PhoneNumber, number: str) -> NumberRange:
    """What kind of number it is, which says what it costs.

    Args:
        parsed: The number.
        number: The same in E.164.
    """
    if parsed.country_code in _SATELLITE_CODES:
        return "satellite"
    for pattern, kind in _OVERLOOKED:
        if pattern.match(number):
            return kind
    if phonenumbers.number_type(parsed) == PhoneNumberType.UAN and _ORDINARY_COMPANIES.match(
        number
    ):
        return "company"
    return _RANGES.get(phonenumbers.number_type(parsed), "unknown")


def _is_emergency(written: str) -> bool:
    """Whether it is the number of an emergency service somewhere, with a country code or without.

    Whoever asks for one is to be told to dial it, not asked for a country code.
    """
    plain = unicodedata.normalize("NFKC", written).strip(_ABOUT_IT)
    dialled = re.sub(r"[,+]", "", _BETWEEN.sub("", plain))
    if not (dialled.isascii() and dialled.isdecimal()):
        return False
    # As it is first: Australia's is 000.
    readings = [dialled, dialled.removeprefix("00")]
    if dialled.startswith(_OUTSIDE_LINE) and not plain.startswith("+"):
        readings.append(dialled[1:])
    return any(len(each) <= _LONGEST_EMERGENCY and _is_anywhere(each) for each in readings)


def _is_anywhere(digits: str) -> bool:
    """Whether digits are the number of an emergency service, or one after its country code."""
    local = [(digits, region) for region in phonenumbers.SUPPORTED_SHORT_REGIONS]
    abroad = [
        (digits[len(str(code)) :], region)
        for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if digits.startswith(str(code))
        for region in regions
    ]
    return any(phonenumbers.is_emergency_number(*each) for each in [*local, *abroad])


def _is_emergency_of_a_town(parsed: PhoneNumber) -> bool:
    """Whether it is one with an area code, as +49 30 112."""
    national = phonenumbers.national_significant_number(parsed)
    rest = national[phonenumbers.length_of_geographical_area_code(parsed) :]
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code or 0, ())
    return any(phonenumbers.is_emergency_number(rest, region) for region in regions)


def _region(parsed: PhoneNumber, number: str) -> str | None:
    """Where it is, by ISO 3166-1, if it is somewhere."""
    for pattern, country in _ELSEWHERE:
        if pattern.match(number):
            return country
    region: str | None = phonenumbers.region_code_for_number(parsed)
    return region


def _begins(number: str, parsed: PhoneNumber, country: str | None, prefixes: Sequence[str]) -> bool:
    code = f"+{parsed.country_code}"
    main = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return any(
        number.startswith(prefix)
        and (country in (main, None) or len(prefix) >= len(code) + _NAMES_COUNTRY)
        for prefix in prefixes
    )


def _parsed(written: str) -> PhoneNumber:
    if not _WRITTEN.fullmatch(written.strip()):
        raise _no_number()
    number = re.sub(r"[\s./\-\u2010-\u2015]", "", written)
    if number.startswith("00"):
        number = "+" + number[2:]
    try:
        return phonenumbers.parse(number)
    except phonenumbers.NumberParseException as e:
        raise _no_number() from e


def _emergency() -> NotAllowed:
    return NotAllowed("Emergency services may not be called from here.", "emergency")


def _no_number() -> NotAllowed:
    text = "That is not a phone number with a country code, such as +1 202 555 0143."
    return NotAllowed(text, "number")
