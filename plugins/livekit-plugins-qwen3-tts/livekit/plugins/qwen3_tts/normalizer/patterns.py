"""What both languages find in a text: figures, addresses, phone numbers."""

from __future__ import annotations

import re

# 1,234,567 and, as in India, 12,34,567; ".5" is a figure too.
NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2}){1,4},\d{3}(?!\d)|\d+)(?:\.\d+)?"
POINTED = rf"(?:{NUMBER}|\.\d+)"
# A figure does not begin inside a word or another figure.
START = r"(?<![\w.,])"
END = r"(?![\d])(?!\.\d)"
DASH = r"\s?[-–—~]\s?"

EMAIL = re.compile(
    r"(?:mailto:)?(?<![\w.])([A-Za-z0-9][\w.+-]*)@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})", re.ASCII
)
_TLDS = (
    "com|org|net|edu|gov|io|ai|dev|app|cn|co|me|info|tv|uk|de|fr|jp|eu|us|hk|tw|xyz|cloud|live|"
    "md|py|txt|json|yaml|yml|html|pdf|csv|sh|exe|zip|toml|docx?|xlsx?|pptx?|png|jpe?g|mp[34]|wav"
)
URL = re.compile(
    r"(?:https?://|wss?://|(?<![\w@./-]))"
    rf"(?P<host>(?<=//)[A-Za-z0-9][\w.-]*|(?:[A-Za-z0-9][\w-]*\.)+(?:{_TLDS})(?:\.[a-z]{{2}}(?!\w|\.\w))?)(?![A-Za-z])"
    r"(?P<port>:\d{2,5})?(?P<path>/[A-Za-z0-9_./~%+-]*)?(?P<query>[?#][\w=&%./+~:;,#?-]*)?",
    re.ASCII,
)
# A figure before a letter that stands for another: 2N+1, 3A - B.
COEFFICIENT = r"(?<![\w.])(\d{1,3})([A-Z])(?=\s?[-+]\s?(?:\d+(?![\w.])(?! ?[A-Z])|[A-Z](?!\w)))"
# A code in groups: 482 913, E873 204 115.
CODE_GROUPS = r"(?<![\w-])[A-Z]{0,2}\d{3,4}(?: \d{3,4}){1,4}(?![\w-]| ?%|[.,:]\d)"
# Longer paths are there to be clicked: nobody says them.
_LONGEST_PATH = 24

PHONE = re.compile(
    r"(?<![\w.,/+-])(?:"
    r"(?P<mobile>(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4})"
    r"|(?P<line>\(?0\d{2,3}(?:[- ]|\)[- ]?)(?:\d{7,8}|\d{3,4}[- ]\d{4}(?=转))(?:[-转]\d{1,5})?"
    r"|[48]00[- ]\d{3}[- ]?\d{4}|[48]00\d{7})"
    r"|(?P<nanp>(?:\+?1[-. ]{0,2})?(?:\(\d{3}\)[-. ]?|\d{3}[-. ])\d{3}[-. ]\d{4}(?:-\d{1,4})?)"
    r"|(?P<short>\d{3}-\d{4})"
    r"|(?P<intl>\+(?:\d{1,3}(?:[- ]?\(\d{1,4}\)\d{0,4})?(?:[- ]\d{1,9}){1,6}|\d{8,15}))"
    # A number abroad begins with a nought and comes in groups: 0412 345 678, 020 7946 0958.
    r"|(?P<abroad>\(?0\d{2,4}\)?(?:[- ]\d{2,4}){1,4}|0\d(?:(?:[- ]\d{2,4}){3,4}|(?:[- ]\d{4}){2}))"
    r"|(?P<isbn>97[89][- ]\d{1,5}[- ]\d{1,7}[- ]\d{1,6}[- ]\d)"
    r"|(?P<social>\d{3}-\d{2}-\d{4})"
    r"|(?P<card>\d{4}(?:[ -]\d{4}){2,4}(?:[ -]\d{1,3})?|\d{4}[ -]\d{6}[ -]\d{5})"
    r")(?![\d-])(?!\.\d)",
    re.ASCII,
)


def phone_groups(match: re.Match[str]) -> tuple[bool, list[str]]:
    """Returns whether a plus is said first, and the groups of digits to say with pauses."""
    text = match[0]
    plus = text.startswith("+")
    groups = re.findall("[0-9]+", text)
    if match["mobile"]:
        digits = "".join(groups)
        country, digits = digits[:-11], digits[-11:]
        groups = [country] * bool(country) + [digits[:3], digits[3:7], digits[7:]]
    elif len(groups) == 1 and match["line"]:
        groups = [text[:3], text[3:6], text[6:]]
    return plus, groups


def url_parts(match: re.Match[str]) -> str:
    """Returns the part of an address that people say: no scheme, no "www.", no query."""
    path = (match["path"] or "").rstrip("/.")
    if len(path) > _LONGEST_PATH or "%" in path:
        path = ""
    return match["host"].removeprefix("www.").rstrip(".-") + (match["port"] or "") + path
