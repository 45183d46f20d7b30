"""Takes out of a reply what is written to be seen: markdown, code, emoji, stage directions."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from .language import HAN
from .rules import apply, rule
from .stage import OPEN_STAGE, STAGE

# Words and the punctuation between them; such text is spoken as it stands.
_PLAIN = re.compile(
    rf"[{HAN}A-Za-zÀ-ÖØ-öø-ÿ，。！？；：、“”‘’《》—…,.!?;\"' ]*(?:[A-Za-z]-[A-Za-z]+"
    rf"[{HAN}A-Za-zÀ-ÖØ-öø-ÿ，。！？；：、“”‘’《》—…,.!?;\"' ]*)*"
)
_DOTTED_NAME = re.compile(r"[A-Za-z]\.[A-Za-z]")
# The blocks of emoji, whole, so that next year's are among them: a class is one step a character,
# where looking each up in a list of all sequences was quadratic. Signs that are read (↔ → ™ ℃) are
# in none of these.
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u303d\u3297\u3299\U0001f000-\U0001faff\U000e0020-\U000e007f]"
)
_JOINERS = re.compile("[\u200d\ufe0e\ufe0f\u20e3™]")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_KAOMOJI = re.compile(r"(?<!\w)(?:[:;=]-?[)(DPp]|\(?\^[_.o-]?\^\)?|[xX]D|T_T|<3)(?!\w)")

_FENCE = re.compile(r"(`{3,}|~{3,})")
_RULE = frozenset("-*_=")
_TABLE_RULE = frozenset("|:-")
_LINE_START = re.compile(r"^\s*(?:>\s?)*(?:#{1,6}(?:\s+|$)|[-+*•·▪◦‣]\s+)?(?:\[[ xX]\]\s+)?")
_ORDERED = re.compile(r"^(\*{0,2}\d{1,2})(?:[.)]\s+|[）、]\s*)(?=\S)")
_CIRCLED = re.compile("[①-⑨]")
_COMMANDS: Final = {
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "ne": "≠", "neq": "≠", "approx": "≈", "pi": "π", "sum": "∑", "infty": "∞",
}  # fmt: skip
_LATEX: Final = (
    rule("$\\", r"\$\$|\\[\[\]()](?!\()", ""),
    rule("$", r"\$(?![\s\d.,]+\$?\s)([^$\n]*[\\^_=+a-zA-Z][^$\n]*)(?<!\s)\$(?!\d)", r"\1"),
    rule("\\", r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2"),
    rule("\\", r"\\sqrt\{([^{}]*)\}", r"√\1"),
    rule("\\", r"\\(?:text|mathrm|mathbf)\{([^{}]*)\}", r"\1"),
    rule(
        "\\",
        r"\\(times|cdot|div|pm|leq?|geq?|neq?|approx|pi|sum|infty)(?![a-z])",
        lambda command: _COMMANDS[command[1]],
    ),
    rule("^", r"\^\{([^{}]*)\}", r"^\1"),
)
_INLINE: Final = (
    rule("<", r"<!--.*?-->", ""),
    rule("<", r"<br\s*/?>", "\n"),
    rule("<", r"<((?:https?://|mailto:)[^<>\s]+|[^<>\s]+@[^<>\s]+)>", r"\1"),
    rule("<", r"</?[A-Za-z][\w-]*(?:\s[^<>]*)?/?>", ""),
    rule("[【", r"\[\^?\d+(?:\s*[,–-]\s*\d+)*\](?!\()|【\d+[^】]*】|\[\^[\w-]+\]", ""),
    rule("[", r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1"),
    # A link whose text was cut in an earlier unit.
    rule("]", r"\]\([^)\s]*\)?", ""),
    rule("~", r"~~(?!\s)[^~\n]*~~", ""),
    rule("`", "`+", ""),
    # An asterisk between figures multiplies; two are a power.
    rule("*", r"(?<=[\d)])\*\*(?=[\d(])", "^"),
    rule("*", r"(?<=[\w)]) \* (?=[\w(])|(?<=[\d)])\*(?=[\d(])", " × "),
    rule("*", r"\*+", ""),
    rule("_", "(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])", ""),
    rule("~", "~~", ""),
    rule("\\", r"\\([^\w])", r"\1"),
)


def is_plain(text: str) -> bool:
    """Whether the text has no figure, symbol or markup, so that nothing is to be done."""
    return _PLAIN.fullmatch(text) is not None and _DOTTED_NAME.search(text) is None


class Markup:
    """Strips the units of one reply; fences and stage directions may span several of them."""

    # A direction that never closes was none: after so many characters speech resumes.
    _LONGEST_DIRECTION = 80

    def __init__(self) -> None:
        self._fence = ""  # the character of the open code fence
        self._direction = ""  # the character that closes the open stage direction
        self._skipped = 0

    @property
    def closed(self) -> bool:
        """Whether neither a code fence nor a stage direction is open."""
        return not self._fence and not self._direction

    def strip(self, text: str) -> str:
        """Returns the unit's words, lists and table rows turned into pauses."""
        text = self._outside_directions(self._outside_fences(text))
        if not text.isascii():
            text = _without_emoji(text)
        text = _KAOMOJI.sub("", text)
        text = apply(_LATEX, text)
        lines = [line for raw in text.splitlines() if (line := _line(raw))]
        text = _join(lines)
        return apply(_INLINE, text)

    def _outside_fences(self, text: str) -> str:
        if not self._fence and "```" not in text and "~~~" not in text:
            return text
        outside = []
        for part in _FENCE.split(text):
            if not _FENCE.fullmatch(part):
                outside.append("" if self._fence else part)
            elif not self._fence:
                self._fence = part[0]
            elif self._fence == part[0]:
                self._fence = ""
                outside.append("\n")
        return "".join(outside)

    def _outside_directions(self, text: str) -> str:
        if self._direction:
            end = text.find(self._direction)
            if end >= 0:
                text = text[end + 1 :]
                self._direction = ""
            elif self._skipped + len(text) > self._LONGEST_DIRECTION or "\n" in text.strip():
                self._direction = ""
            else:
                self._skipped += len(text)
                return ""
        text = STAGE.sub("", text)
        opened = OPEN_STAGE.search(text)
        if opened:
            self._direction = {"(": ")", "（": "）", "[": "]", "【": "】"}.get(opened[1], opened[1])
            self._skipped = len(opened[0])
            text = text[: opened.start()]
        return text


def _without_emoji(text: str) -> str:
    # An emoji between two words may be the only break between them.
    return _JOINERS.sub("", _EMOJI.sub(" ", _KEYCAP.sub(" ", text)))


def _draws_a_line(line: str) -> bool:
    """Whether a line is a rule, the rule under a table's head, or a bullet without an item.

    No pattern: nested repeats of dashes took half a minute over 36 of them.
    """
    bare = "".join(line.split())
    marks = frozenset(bare)
    if len(bare) < 3:
        return bare in ("-", "+", "*", "--")
    return marks <= _RULE or (marks <= _TABLE_RULE and "--" in bare)


def _line(line: str) -> str:
    """Returns one line without its heading, list or table marks."""
    if _draws_a_line(line):
        return ""
    line = _LINE_START.sub("", line, count=1)
    comma = "，" if re.search(f"[{HAN}]", line) else ", "
    line = _ORDERED.sub(rf"\1{comma}", line)
    line = _CIRCLED.sub(lambda char: f"{unicodedata.digit(char[0])}{comma}", line)
    if "|" in line:
        cells = [cell.strip() for cell in line.split("|")]
        line = comma.join(cell for cell in cells if cell)
    return line.strip()


def _join(lines: list[str]) -> str:
    """Joins lines so that each ends in a pause."""
    text = ""
    for line in lines:
        if text and text[-1] not in "。！？；，：、….!?;:,":
            text += "，" if re.search(f"[{HAN}]", line + text) else ","
        text += (" " if text and text[-1].isascii() else "") + line
    return text


_TIDY: Final = (
    rule("*#`|<>[]{}\\^~", r"[*#`|<>\[\]{}\\^~]", ""),
    rule("_", r"(?<=\w)_+(?=\w)", " "),
    rule("_", "_", ""),
    rule('()（）“”"', r"[（(]\s*[)）]|[“\"]\s*[”\"]", ""),
    rule(" ", " {2,}", " "),
    rule(" ", " +(?=[，。！？；：、,.!?;:)])", ""),
    rule(" ", "(?<=[，。！？；：、（]) +", ""),
    rule("，,、", "(?<![，,、])[，,、]+(?=[，。！？；：,.!?;:])", ""),
    rule("，、", "(?<=[，。！？；：])[，、]+", ""),
    rule("", r"^[\s，,、。.;；:：!?！？)）-]+", ""),
)


def tidy(text: str) -> str:
    """Returns the text with stray marks and doubled pauses gone; "" if no word is left."""
    # Any other kind of space, too.
    text = apply(_TIDY, " ".join(text.split())).strip()
    return text if any(char.isalnum() for char in text) else ""
