"""Takes out of a reply what is written to be seen: markdown, code, tags, emoji, citations."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from ..figures import OPERAND
from .folding import clean
from .formula import plain_formulas
from .language import HAN
from .rules import apply, rule
from .stage import without_directions

# Words and the punctuation between them; such text is spoken as it stands.
_PLAIN = re.compile(
    rf"[{HAN}A-Za-zÀ-ÖØ-öø-ÿ，。！？；：、“”‘’《》—…,.!?;\"' ]*(?:[A-Za-z]-[A-Za-z]+"
    rf"[{HAN}A-Za-zÀ-ÖØ-öø-ÿ，。！？；：、“”‘’《》—…,.!?;\"' ]*)*"
)
# A name or an abbreviation: example.com, Dr., "etc."; a roman figure.
_DOTTED = re.compile(
    r"[A-Za-z]\.[A-Za-z]|\b(?:[A-Z][a-z]{0,3}|[a-z]{1,2}|[Vv]s|etc|approx|Prof|Capt|Corp|Blvd|Sept|Figs?)\."
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}-[A-Z]"
    r"|\b[IVXL]{2,7}\b|, [A-Z]{2}\b|(?:War|Part|Act|Phase|Type|Chapter|Volume|Book) [IVX]\b|  "
)
# The blocks of emoji, whole, so that next year's are among them: a class is one step a character,
# where looking each up in a list of all sequences was quadratic. Signs that are read (↔ → ™ ℃) are
# in none of these.
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u231a-\u23ff\u24c2\u25aa-\u25b2\u25b4-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u303d\u3297\u3299\U0001f000-\U0001faff\U000e0020-\U000e007f]|\u25b3(?![A-Z]{2,3})"
)
# A row that the figure behind it says once more is nothing but a picture.
_RATED = re.compile(
    r"(?:[★⭐]\ufe0f?){1,5}☆{0,4}(?=\s*[(（]?\d(?:\.\d)?(?:\s?/\s?5|[ -]?stars?\b|\s?[颗个]?星))"
)
_STARS = re.compile("(\\d)\\s?[★⭐]\ufe0f?(?![★⭐☆])|[★⭐]{1,5}☆{0,4}")
_JOINERS = re.compile("[\u200d\ufe0e\ufe0f\u20e3™]")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_KAOMOJI = re.compile(
    r"(?<![\w<>=!])(?:[:;=]['’]?-?[)(]{1,3}|[:;]['’]?-?[DPpOo/\\]"
    r"|(?<!\d )[:;]['’]?-?3|=-?[DPp]|\(?\^[_.o-]?\^\)?|[xX]D|[T;Q]_[T;Q]|[>-][_.][<-]"
    r"|¯\\_\(ツ\)_/¯)(?!\w)"
    # "<3" is a heart behind tender words; anywhere else it is "less than three".
    r"|(?<=[Yy]ou) <3(?=\s*(?:$|[.!~\n]))|(?<=love) <3(?=\s*(?:$|[.!~\n]))"
    r"|(?<=[Tt]hanks) <3(?=\s*(?:$|[.!~\n]))|(?<=much) <3(?=\s*(?:$|[.!~\n]))"
)

# An absolute value is no row of a table: "∣" is its bar from here on.
_ABSOLUTE = re.compile(
    rf"(?<![\w|])\|([-+−±]?{OPERAND}(?:\s?[-+−×*/·÷]\s?{OPERAND}){{0,6}})\|(?![\w|])", re.ASCII
)

_RULE = frozenset("-*_=")
_TABLE_RULE = frozenset("|:-")
_LINE_START = re.compile(
    r"^\s*(?:>\s?(?!=|\s?[-+$€£¥.]{0,2}\d))*(?:#{1,6}(?:\s+|$)|[-+*•·▪◦‣]\s+(?!\d[\d.,]*\s?=))?"
    r"(?:\[[ xX]\]\s+)?"
)
_ORDERED = re.compile(r"^(\*{0,2}\d{1,2})(?:[.)]\s+|[）、]\s*)(?=\S)")
_CIRCLED = re.compile("[①-⑳]")

_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6}|#x[0-9A-Fa-f]{1,5});")
_TAGS = (
    r"a|abbr|audio|b|bdo|blockquote|break|code|div|em|emphasis|font|"
    r"h[1-6]|hr|i|img|li|mark|ol|p|phoneme|prosody|say-as|"
    r"small|span|speak|strong|style|sub|sup|table|td|th|tr|u|ul|voice"
)
_TAG_CUT = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]{{0,200}})?$", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]{{0,300}})?/?>", re.IGNORECASE)
# A tag's name that is cut where a unit ends; of one letter it may be a variable: "x <s".
_NAMES: Final = (
    *("break", "span", "style", "speak", "prosody", "emphasis", "phoneme", "audio", "say-as"),
    "strong",
)
_BEGUN = "|".join(sorted({name[:end] for name in _NAMES for end in range(2, len(name))}))
_TAG_BEGUN = re.compile(f"<(?:/[a-z-]{{0,12}}|{_BEGUN})$")
_LINK_CUT = re.compile(r"\]\([^)\s]{0,300}$")
_LINK_TEXT = re.compile(r"\[[^\[\]]{1,300}\]$")
_LINK_TARGET = re.compile(r"\((?:https?:|mailto:|www\.|[/#])[^()\s]{0,300}\)")
_TAGGED: Final = (
    rule("<", r"<!--.{0,400}?-->", ""),
    rule("<", r"<br\s{0,3}/?>", " "),
    rule("<", r"<((?:https?://|mailto:)[^<>\s]{1,300}|[^<>\s@]{1,64}@[^<>\s]{1,200})>", r"\1"),
    # A sound between two words parts them.
    rule("<", r"(?<=\w)<[a-z]{3,12}\s?/>(?=\w)", " "),
    # With attributes, or one word in brackets; "a <b and c> d" is neither.
    rule(
        "<", r"</?[A-Za-z][\w:-]{0,30}(?:=[^<>\s]{0,60}|\s+[\w:-]{1,30}\s?=[^<>]{0,300})?\s*/?>", ""
    ),
    rule("<", rf"</?(?:{_TAGS})\s[^<>]{{0,300}}>", ""),
    rule("<", r"<\|[\w-]{1,40}\|>", ""),
)
_CITATION = r"\^?\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,20}"
# Before or behind these several figures in brackets are what the sentence is about.
_LISTING = re.compile(
    r"(?:\b(?i:list|array|vector|tuple|set|matrix|sequence|numbers|values|input|output|sort(?:s|ed|ing)?|"
    r"reverse[ds]?|returns?|prints?|is|are|gives?|becomes?|get|take|given|from|to|into|like|be|with)"
    r":?|(?:列表|数组|向量|集合|序列|输入|输出|返回|得到|结果|变成|打印|给定|排序|元组)[是为：:]?|[是为成])\s?$"
)
_REFERENCE = re.compile(r"\b(?i:ref|refs|references?)\.?\s?$")
_LISTED = re.compile(
    r"\s?(?:(?:is|are|has|have|contains?|becomes?|gives?|and|sums?|plus|into)\b|[有是的里中变共包])"
)


def _source(match: re.Match[str]) -> str:
    """Drops a source in brackets; keeps a list of figures that the sentence is about."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    begins = (before.rstrip() or ".")[-1] in ".!?:。！？："
    listed = _LISTING.search(before) or begins and _LISTED.match(match.string, match.end())
    # "Ref. [4]", "reference [4]"
    named = _REFERENCE.search(before)
    return match[0] if ("," in match[0] and listed) or named else ""


_INLINE: Final = (
    # A vector, whose brackets compare nothing.
    rule("<", r"<(-?\d[\d.]{0,8}(?:,\s?-?\d[\d.]{0,8}){1,8})>", r"\1"),
    # Behind a word or a mark; "arr[0]" is code and "[0]" no source.
    rule(
        "[【",
        rf"(?<![A-Za-z_]\b)(?<![∈=]\s)(?<![∈=])\[(?!0[\],])(?:{_CITATION})\](?:\[(?:{_CITATION})\])*(?![(\[\w])|【\d+[^】]{{0,40}}】|\[\^[\w-]{{1,30}}\]",
        _source,
    ),
    rule(
        "[",
        r"(?<=[A-Za-z)])\[(?!0\])\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,20}\](?=[.,;:!?]?(?:\s[A-Z]|\s*$))",
        "",
    ),
    rule(
        "[",
        r"!?\[([^\[\]]{0,300})\](?:\([^()\s]{0,300}(?:\s\"[^\"]{0,100}\")?\)|\[[^\[\]]{0,60}\])",
        r"\1",
    ),
    # A link whose text was cut in an earlier unit.
    rule("]", r"\]\([^()\s]{0,300}\)?", ""),
    rule("[", r"(\w)\[(\w{1,10})\]", r"\1 \2 "),
    rule("~", rf"(?<![\w~{HAN}])~~(?![\s~])[^~\n]{{1,200}}(?<!\s)~~(?![\w~{HAN}])", ""),
    rule("=", r"(?<![=\w])==(?![\s=])([^=\n]{1,200})(?<!\s)==(?![=\w])", r"\1"),
    rule("1", r"(?:\b[Dd][Oo][Ii]:?\s?)?(?<![\d.])10\.\d{4,9}/[^\s，。）]{1,80}[\w)]", ""),
    rule("*", r"(?:(?<=\s)|(?<=[号为是：:]))(?:\*{3,4}[ -]?){1,4}(?=\d{4}(?!\d))", ""),
    # An account of which only the ends are shown; the languages say its middle.
    rule("*", r"(?<=\d)\*{3,}(?=\d)", "∗"),
    rule("\\", r"(?<=[\w)])\s?\\\*\s?(?=[\w(])", " × "),
    # An asterisk between figures multiplies; two are a power.
    rule("*", r"(?<=[\d)])\*\*(?=[\d(])", "^"),
    rule("*", r"(?<=[\w)]) \* (?=[\w(])|(?<=[\d)])\*(?=[\d(])", " × "),
    rule("*", r"\*+", ""),
    rule("_", "(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])", ""),
    rule("~", r"(?<=\d)~{2,}(?=\d)", "，"),
    rule("~", r"~{2,}|(?<=[^\s\d])~(?=\s|$|[，。！？,.!?])", ""),
    rule("\\", r"(?<=[\w:])\\(?=\w)", " "),
)
# The two keys of a telephone that are marks: "press # or *", 请按#号键.
_KEY = r"(?:press(?:ing)?|dial(?:l?ing)?|hit|push|enter|tap|use|then|or|and|by|the) "
_KEYS: Final = (
    rule("#", r"[#＃]号?(?=键)", "井号"),
    rule("*", r"[*＊]号?(?=键)", "星号"),
    rule("#", r"#号?(?=[，。,.；]|或|$)", "井号", after="[按拨打入或击加]"),
    rule("*", r"\*号?(?=[，。,.；]|或|$)", "星号", after="[按拨打入或击加]"),
    rule("#", r"#(?=[ .,;!?]|$)", "pound", after=rf"(?i:\b{_KEY})"),
    rule("*", r"\*(?=[ .,;!?]|$)", "star", after=rf"(?i:\b{_KEY})"),
    rule("*", r"\*(?=\d)(?![^*\n]*\*)", "star ", after=r"(?i:\b(?:press|dial|dialing|dialling) )"),
)
_PAUSES = "。！？；，：、….!?;:,"


_OPENERS = re.compile(r"[<*(（\[【][^>)）\]】]*$")


def is_plain(text: str, before: str = "") -> bool:
    """Whether a unit has no figure, symbol, abbreviation or markup: nothing is to be done."""
    return (
        _PLAIN.fullmatch(text) is not None
        and _DOTTED.search(text) is None
        and (not before or _OPENERS.search(before[-320:]) is None)
    )


def strip(text: str, before: str) -> str:
    """Returns a unit's words; lists and table rows are turned into pauses.

    Args:
        text: The unit, without its code.
        before: What was written before it: a tag or a direction may be open there, and it
            says whether the unit begins a line.
    """
    blank = text[:1].isspace()
    text = _after_a_cut(text, before)
    if "&" in text:
        text = clean(_ENTITY.sub(lambda entity: html.unescape(entity[0]), text))
    text = without_directions(text, before)
    text = apply(_KEYS, before[-16:] + text, len(before[-16:]))
    if not text.isascii():
        text = _without_emoji(text)
    text = _KAOMOJI.sub("", text)
    text = apply(_TAGGED, text)
    text = _TAG_BEGUN.sub("", _TAG_CUT.sub("", text))
    text = plain_formulas(text)
    starts_line = not before or before.rstrip(" \t").endswith("\n")
    lines = _ABSOLUTE.sub(r"∣\1∣", text).splitlines()
    said = [_line(raw, starts_line or bool(index)) for index, raw in enumerate(lines)]
    text = _join([line for line in said if line])
    lead = before[-24:] + " " * blank
    return apply(_INLINE, lead + text, len(lead))


def _after_a_cut(text: str, before: str) -> str:
    """Returns a unit without the rest of a tag or an address that was cut at its beginning."""
    tail = before[-320:]
    begun = tail.rfind("<")
    open_at_end = begun >= 0 and ">" in text and ">" not in tail[begun:]
    if open_at_end and (tag := _TAG.match(tail[begun:] + text)):
        return text[tag.end() - len(tail) + begun :]
    if "](" in tail and _LINK_CUT.search(tail):
        end = text.find(")")
        if end >= 0 and not any(char.isspace() for char in text[:end]):
            return text[end + 1 :]
    if text.startswith("(") and _LINK_TEXT.search(tail):
        return _LINK_TARGET.sub("", text, count=1)
    return text


def _without_emoji(text: str) -> str:
    # An emoji between two words may be the only break between them.
    text = _STARS.sub(_stars, _RATED.sub("", _KEYCAP.sub(" ", text)))
    return _JOINERS.sub("", _EMOJI.sub(lambda sign: sign[0] if sign[0] == "☆" else " ", text))


def _stars(match: re.Match[str]) -> str:
    """Returns a rating as a figure and the sign that the languages read as "stars"."""
    return f"{match[1] or sum(char in '★⭐' for char in match[0])}☆"


def _draws_a_line(line: str) -> bool:
    """Whether a line is a rule, the rule under a table's head, or a bullet without an item.

    No pattern: nested repeats of dashes took half a minute over 36 of them.
    """
    bare = "".join(line.split())
    marks = frozenset(bare)
    if len(bare) < 3:
        return bare in ("-", "+", "*", "--")
    return marks <= _RULE or (marks <= _TABLE_RULE and "--" in bare)


def _line(line: str, begins: bool) -> str:
    """Returns one line without its heading, list or table marks.

    Args:
        line: What stands in the line, or in this unit of it.
        begins: Whether the line begins here.
    """
    if _draws_a_line(line):
        return ""
    comma = "，" if re.search(f"[{HAN}]", line) else ", "
    if begins:
        line = _LINE_START.sub("", line, count=1)
        line = _ORDERED.sub(rf"\1{comma}", line)
    line = _CIRCLED.sub(lambda char: f"{int(unicodedata.numeric(char[0]))}{comma}", line)
    if "|" in line:
        cells = [cell.strip() for cell in line.split("|")]
        line = comma.join(cell for cell in cells if cell)
    return line.strip()


def _join(lines: list[str]) -> str:
    """Joins lines so that each ends in a pause."""
    text = ""
    for line in lines:
        if text and text[-1] not in _PAUSES:
            text += "，" if re.search(f"[{HAN}]", line + text[-40:]) else ","
        text += (" " if text and text[-1].isascii() else "") + line
    return text
