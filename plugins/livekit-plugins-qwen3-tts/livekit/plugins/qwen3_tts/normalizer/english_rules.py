"""Which written forms there are in an English text, most specific first.

A rule is here because the library reads its form wrongly, not at all, or as nobody says it to a
caller; what stands above it says which.
"""

from __future__ import annotations

import re
from typing import Final

from . import english as en
from . import english_dates as dates
from .abbreviations import ABBREVIATIONS
from .folding import fold
from .language import HAN
from .money import MONEY
from .patterns import CODE_GROUPS, DASH, EMAIL, END, NUMBER, PHONE, POINTED, START, URL
from .reading import Reader
from .rules import FIGURES, Rule, apply, rule
from .shorthand import SHORTHAND
from .signs import SIGNS
from .units_of_measure import MEASURE, UNIT

_YEAR = r"(?:1[1-9]|2[01])\d\d"
# After these a figure is named digit by digit.
_CODE_WORDS = (
    r"\b(?i:room|flight(?: [A-Z]{2})?|suite|apartment|apt\.?|gate|route|highway|"
    r"extension|ext\.?|code|pin|"
    r"password|zip(?: code)?|dial|call|passcode|port|error(?: code)?|status(?: code)?|"
    r"interstate|order(?: number)?|unit|"
    r"digits(?: are| of)?|ending in|"
    r"ends in|account(?: number)?|card(?: number)?|serial(?: number)?|reference(?: number)?|"
    r"(?:booking|membership|member|policy|claim|invoice|license|passport|locker|pickup) (?:number|code|id)|"
    r"confirmation(?: number| code)?|tracking number|ticket(?: number)?|case(?: number)?)"
    r"(?:\sis)?:?\s(?:#\s?)?|\bBoeing "
)
_VERSIONED = "(?i:version|release|python|node|cuda|ubuntu|macos|ios|android|pytorch|django|java)"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_OF_YEAR = r"(?:,?\s(?P<year>\d{4})(?!\d|:))?"
_SIGNED = rf"[-+±]?{POINTED}"
# Behind a word a lone letter is a switch ("git commit -m"), behind these a variable ("is -b").
_COMMAND = (
    r"(?:^|\s)(?!(?:is|are|was|be|by|to|of|or|and|than|from|so|get|then|plus|minus|times|over|equals|"
    r"gives|where|if|for|with)\s)[a-z][\w./-]+\s"
)
_RATED = r"\b(?i:rat(?:ed|es|ing(?: of| is)?|e it)|scor(?:ed?|es|ing)|stars|review|giv(?:e|es|ing) it|gave it|got)(?: a)?:? "
_PARTS: Final = {"Q": "quarter", "H": "half"}
_PERIODS: Final = {
    "mo": "month",
    "wk": "week",
    "yr": "year",
    "hr": "hour",
    "d": "day",
    "min": "minute",
}


def _mandarin(match: re.Match[str]) -> str:
    from . import mandarin_rules

    return mandarin_rules.speak(match[0])


def _vanity(match: re.Match[str]) -> str:
    return f"one, {en.cardinal(match[1])}, {match[2].replace('-', ' ')}"


def _quarter(match: re.Match[str]) -> str:
    the = "" if match.string[: match.start()].lower().endswith("the ") else "the "
    return f"{the}{en.ordinal(int(match[1]))} {_PARTS[match[2]]} of {en.cardinal(match[3])}"


def _scaled(match: re.Match[str]) -> str:
    return f"{en.cardinal(match[1])} {'million' if match[2] in 'mM' else 'billion'}"


_RULES: Final[tuple[Rule, ...]] = (
    *ABBREVIATIONS,
    # Addresses: the library spells out "https://www" and the query, which nobody says.
    rule("@", EMAIL, en.say_email),
    rule(".:", URL, en.say_url),
    rule("@", r"(?<=[A-Za-z]@)\d+", lambda m: en.digits(m[0])),
    rule("_", r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])", " "),
    *SHORTHAND,
    # Longer than any number that has a name.
    rule(FIGURES, r"\d{19,}", lambda m: en.digits(m[0])),
    # A figure that a Chinese word counts is read with it.
    rule(FIGURES, rf"(?<![\w.,])第?{NUMBER}%?\s?[{HAN}]", _mandarin),
    rule(FIGURES, CODE_GROUPS, en.say_code_groups, after=_CODE_WORDS),
    # Figures as they are written abroad: the library reads 1.234,56 and ₹1,50,000 in two parts.
    rule(
        ",",
        r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d{1,2})(?!\d)",
        lambda m: f"{m[1].replace('.', ',')}.{m[2]}",
    ),
    rule("€£", r"([€£]\s?\d+),(\d\d)(?!\d)", r"\1.\2"),
    rule(
        " ",
        r"(?<![\w.,+-])(?<!\d )([1-9]\d{0,2})((?: \d{3}){2,})(?![\d-]| \d)",
        lambda m: m[1] + m[2].replace(" ", ","),
    ),
    # Telephone numbers of all countries, cards: the library knows the American form only.
    rule(
        "1",
        r"(?<![\w-])1-([89]\d\d)-((?=[\d-]*[A-Z])[A-Z0-9]{1,8}(?:-[A-Z0-9]{1,8}){0,3})(?!\w)",
        _vanity,
    ),
    rule(FIGURES, PHONE, en.say_phone),
    # Model names: "Llama-3.1-8B" is no range, "802.11ax" no decimal.
    rule(
        "-",
        rf"(?<![\w.])(?!(?:{dates.MONTH})-)[A-Za-z]+-\d+(?:\.\d+)?-[A-Za-z0-9.]*[A-Za-z0-9](?![\w-])",
        en.say_name,
    ),
    rule(".", r"(?<![\w.])[A-Z]\.\d{2,4}(?![\w.])", en.say_name),
    rule(
        ".",
        r"(?<![\d.])(?P<day>0[1-9]|[12]\d|3[01])\.(?P<month>0[1-9]|1[0-2])\."
        r"(?P<year>(?:19|20)\d\d)(?![\d.]*\d)",
        dates.say_date,
    ),
    rule(
        ".",
        r"(?<![\d.])(?P<year>(?:19|20)\d\d)\.(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?![\d.]*\d)",
        dates.say_date,
    ),
    # Versions and IP addresses: a point each.
    rule(
        ".vV",
        rf"(?<!\d)(?:(?P<prefix>{_VERSIONED}\s|\b[vV])(?P<parts>\d+(?:\.\d+)+)|\b(?!V(?:[468]|1[02])\b)[vV](?P<one>\d+)\b)",
        lambda m: en.say_version(m) if m["parts"] else f"version {en.cardinal(m['one'])}",
    ),
    rule(
        ".",
        r"(?P<prefix>)(?<![\d.])(?P<parts>\d+(?:\.\d+)+)(?![\d.]*\d)",
        en.say_version,
        after=rf"\b{_VERSIONED}\s",
    ),
    rule(".", r"(?<![\w.])(?P<prefix>)(?P<parts>\d+(?:\.\d+){2,3})(?![\d.]*\d)", en.say_version),
    # Spans of time, before "30s" is a decade and "15m" a length.
    rule(
        "hm",
        r"(?<![\w.])\d{1,3}\s?(?:h|hr)\s?\d{1,2}\s?(?:min|m)(?:\s?\d{1,2}\s?s)?(?!\w)|(?<![\w.])\d{1,2}\s?m\s?\d{1,2}\s?s(?!\w)",
        en.say_duration,
    ),
    # Dates as an American says them; the library turns "March 5" into "the fifth of march" and
    # takes 2024-06 and 3/4/26 for sums.
    rule("T", r"(?<=\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z|\b)", r", \1"),
    rule(
        "-/.",
        r"(?<![\d/.-])(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?![\d/-])",
        dates.say_date,
    ),
    rule(
        "-/.",
        r"(?<![\d/.-])(?P<month>\d{1,2})([-/.])(?P<day>\d{1,2})\2(?P<year>\d{4})(?![\d/-])",
        dates.say_date,
    ),
    # A player's points, rebounds and assists.
    rule(
        "/",
        r"(?<![\d/.-])(\d{1,2})/(\d{1,2})/(\d{1,2})(?![\d/-])",
        r"\1, \2, \3",
        after=r"\b(?:had|with|averag(?:es|ed|ing)|posted|put up|finished with)(?: an?)? ",
    ),
    rule(
        "/",
        r"(?<![\d/.-])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{2})(?![\d/-])",
        dates.say_date,
    ),
    rule(
        "-",
        rf"(?<![\d-])(?P<day>[0-3]?\d)-(?P<month>{dates.MONTH})(?:-(?P<year>\d{{4}}|\d\d))?(?![\w-])",
        dates.say_named_date,
    ),
    rule(
        "-",
        rf"(?<![\w-])(?P<month>{dates.MONTH})-{_DAY}(?:-(?P<year>\d{{4}}))?(?![\w-])",
        dates.say_named_date,
    ),
    rule(
        "-",
        r"(?<![\d/-])(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?![\d/-])",
        dates.say_month,
    ),
    rule(
        "/",
        r"(?<![\d/])(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)(?![\d/])",
        dates.say_month,
    ),
    rule(
        "/",
        r"(?P<year>)(?<![\w/.-])(?P<month>0[1-9])/(?P<day>3[01]|[12]\d|0[1-9])(?![\w/%-])",
        dates.say_date,
    ),
    rule(
        "/",
        r"(?P<year>)(?<![\w/.-])(?P<month>1[0-2]|0?[1-9])/(?P<day>3[01]|[12]\d|0?[1-9])(?![\d/%])",
        dates.say_date,
        after=r"\b(?i:on|due|by|birthday is|until|till|before|since|dated|date is|date:|"
        r"starting|from|mon|tue|tues|wed|thu|thurs|"
        r"fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday),?\s\(?",
    ),
    rule(
        FIGURES,
        rf"\b(?P<month>{dates.MONTH})\s{_DAY}(?![\d:%–-]|\.\d|\s(?i:people|percent|items|times)){_OF_YEAR}",
        dates.say_named_date,
    ),
    rule(
        FIGURES,
        rf"(?<![\w.,-])(?P<the>[Tt]he\s)?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\sof\s(?P<month>{dates.MONTH}){_OF_YEAR}",
        dates.say_day_of,
    ),
    rule(
        FIGURES,
        rf"(?<![\w.,-]){_DAY}\s(?P<month>{dates.MONTH})(?!\w){_OF_YEAR}",
        dates.say_named_date,
    ),
    rule("s", r"(?<=\d0s)\s?[-–—]\s?(?=['’]?(?:\d\d)?\d0s\b)", " to "),
    rule(
        "QH",
        r"(?<![\w.])([1-4])([QH])(\d\d)(?!\w)",
        _quarter,
    ),
    rule(
        "s",
        r"(\d0)s(?!\w)",
        lambda m: f"{en.cardinal(m[1])} seconds",
        after=r"\b(?:after|for|in|within|every|take|takes|took|wait|waits|waited|about|under|only|timeout|"
        r"than|lasts|lasted|least|most) ",
    ),
    # Decades are seconds to the library, FY2025 a name.
    rule(
        "s",
        r"(?<![\w.])['’]?(\d0(?=['’s])|\d{3}0)(?:['’]| (?=s\b))?s\b",
        dates.say_decade,
    ),
    rule("F", r"\bFY\s?(\d{4})\b", lambda m: f"FY {en.year(m[1])}"),
    rule(
        "-–—",
        rf"(?<![\w.,-])(?P<low>{_YEAR})\s?[-–—]\s?(?P<high>{_YEAR}|\d\d)(?![\w%-]|[.,]\d)",
        dates.say_years,
    ),
    # Hours: ranges, "7.30pm" and "2-3pm" are lost on the library.
    rule("mM", rf"(?<![\w.])(\d{{1,2}})\.([0-5]\d)(?=\s?(?:{dates.NOON}))", r"\1:\2"),
    rule(
        "mM",
        rf"(?<![\d:.])(1[0-2]|[1-9])\s?[-–—~]\s?(?=(?:1[0-2]|[1-9])(?::[0-5]\d)?\s?(?:{dates.NOON}))",
        lambda m: f"{en.cardinal(m[1])} to ",
    ),
    rule(":", rf"({dates.CLOCK}){DASH}({dates.CLOCK})", dates.say_time_range),
    # A lap: 1:02.35.
    rule(":", r"(?<![\w:.])(\d{1,2}):([0-5]\d)\.(\d{1,3})(?![\w:])", dates.say_lap),
    rule(":", dates.TIME, dates.say_time),
    rule("mM", dates.HOUR, dates.say_time),
    rule("ECMP", r"(?<=[a-z]|M)(?=(?:EST|EDT|CST|CDT|MST|PST|PDT|GMT|UTC)\b)", " "),
    rule("M", r"(?<=[AP]M)\s?[-–—]\s?(?=\w)", " to "),
    rule(
        "~≈",
        r"[~≈]\s?(?=[$€£¥₩₹.]?\d)",
        "",
        after=r"\b(?i:about|around|approximately|approx\.?|almost|nearly)\s",
    ),
    # "~" is a tilde to the library, and lost before an amount.
    rule("~≈", r"(?<![\w)])[~≈]\s?(?=[$€£¥₩₹.]?\d)", "about "),
    # Money with cents ("twelve point five dollars"), dollars of other countries, ranges.
    rule("$€£¥₩₹₽₿₺₫₱฿DRPYF", MONEY, en.say_money),
    rule(
        "¢",
        rf"(?<![\w.,])({POINTED})\s?¢",
        lambda m: f"{en.cardinal(m[1])} {en.say_plural(m[1], 'cent', 'cents')}",
    ),
    rule(
        "%‰",
        rf"(?<![\w.,])(?P<low>{_SIGNED})(?:%?{DASH}(?P<high>{NUMBER}))?\s?(?P<mark>[%‰])",
        en.say_percent,
    ),
    # Degrees of arc; feet and inches.
    rule("°", r"(\d+)°\s?(\d+)'(?:\s?(\d+)\")?", en.say_arc),
    rule("'", r"(?<![\w.])(\d)['′]\s?(?:(\d{1,2})(?:\"|''|(?![\w']))|(?!\d))(?!\w)", en.say_height),
    rule(
        '"',
        r"(?<![\w.])(\d+(?:\.\d+)?)\"(?=\s(?:screen|monitor|display|TV|tablet|pipe|wide|long|tall|x)|\s?[x×])",
        lambda m: f"{en.cardinal(m[1])} inch",
    ),
    # Millions of users; to the library minutes.
    rule(
        "mMbBkK",
        rf"(?<![\w.,])({POINTED})([mMbB])\s(?=(?:users|people|views|downloads|parameters|customers|dollars|tokens|subscribers|followers)\b)",
        lambda m: _scaled(m) + " ",
    ),
    # "12\"" with no quotation open.
    rule('"', r'^([^"]*(?<![\w.])\d+)"(?=[^"]*$)', r"\1 inches"),
    # ZIP codes, and "may 5", which is the library's fifth of May.
    rule(
        FIGURES,
        r"(\d{5})(?:-(\d{4}))?(?!\d)",
        lambda m: en.digits(m[1]) + (f", {en.digits(m[2])}" if m[2] else ""),
        after=r"\b[A-Z]{2},? ",
    ),
    rule("m", r"(?<=\bmay )\d+(?=\s[a-z])", lambda m: en.cardinal(m[0])),
    # Fractions of a unit: "one half tsp".
    rule("/", rf"{START}(?:(\d+)\s)?(\d{{1,2}})/(\d{{1,2}})\s?(?P<unit>{UNIT})", en.say_part),
    # Sizes, before their unit: "m" is minutes to the library.
    rule("x×", r"(?<![\w.])(\d+(?:\.\d+)?)(?:×|\sx\s|x)(?=\d+(?:\.\d+)?(?![\d^]|\s?=))", en.say_by),
    rule(FIGURES, MEASURE, en.say_measure),
    rule("/", "(?<=s)/(?=one hundred kilo)", " per "),
    rule("/", r"(?<![\w/])(\d+)/(\d+)(?i:st|nd|rd|th|s)\b", r"\1/\2"),
    rule("/", r"(?<=\d) / (?=\d)", " divided by "),
    # A rating; a player's points, rebounds and assists.
    rule("/", r"(?<![\w.,/])(\d\.\d|5(?=/5)|10(?=/10))/(5|10)(?![\d/]|\.\d)", r"\1 out of \2"),
    rule("/", r"(?<![\w.,/])([1-5])/5(?![\d/]|\.\d)", r"\1 out of 5", after=_RATED),
    # "24/7", and what nobody counts in parts: 120/80, 9/11.
    rule(
        "/",
        r"(?<![\d/.])(24/7|9/11|50/50|20/20)(?![\d/])",
        lambda m: " ".join(en.cardinal(n) for n in m[1].split("/")),
    ),
    rule(
        "/",
        r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/.])",
        lambda m: f"{en.cardinal(m[1])} of {en.cardinal(m[2])}",
        after=r"\b(?i:page|slide|step|question|part|round|level|lesson) ",
    ),
    rule("/", r"(?<![\w.,)])-(?=\d+/\d)", "minus "),
    rule("/", rf"{START}(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])(?!\.\d)", en.say_fraction),
    rule(
        "tdh",
        r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b",
        lambda m: en.ordinal(int(m[1].replace(",", ""))),
    ),
    rule("kK", rf"(?<![\w.,])({NUMBER})[k]\b", lambda m: f"{en.cardinal(m[1])} thousand"),
    rule(".№#", r"(?:\bNo\.|№|#)\s?(?=\d)", "number "),
    # Switches of a command: no minus.
    rule("-", r"--(?=[a-z]{2})", "dash dash ", after=r"\w[\"']? "),
    rule("-", r"-(?=[A-Za-z](?:[ .,;!?]|$))", "dash ", after=_COMMAND),
    # Codes and room numbers are named figure by figure; the library counts them.
    rule(
        FIGURES,
        r"(\d{3,8})(?![\d%-]|:\d|[.,]\d|\s(?:times|people|years|minutes|days|dollars))",
        en.say_code,
        after=_CODE_WORDS,
    ),
    # Formulas: the library takes "2x" for "two times" and loses the minus of an exponent.
    rule("eE", r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+]?\d{1,3})(?!\w)", en.say_exponent),
    rule("^", r"\^(-?\d+|[a-z]|\(?-?\w+\)?)", en.say_power),
    rule("√", r"√\s?", "the square root of "),
    rule(
        "GU",
        r"\b(GMT|UTC)\s?([+-])(\d{1,2})(?!\d)",
        lambda m: f"{m[1]} {'plus' if m[2] == '+' else 'minus'} {en.cardinal(m[3])}",
    ),
    rule(
        "x",
        r"(?<![\w.])(?<![=+*/×-])(?<![=+*/×-] )(\d+(?:\.\d+)?)x"
        r"(?=\s(?:faster|slower|more|less|larger|bigger|smaller|better|the|as|speed|zoom|return|growth)\b|[,.!?]|$)",
        lambda m: f"{en.cardinal(m[1])} times",
    ),
    rule(
        "xyabn",
        r"(?<![\w.])(\d{1,3})([a-z])(?=\s?[-+=*/×÷)^<>])|(?<=[=+*/×-] )(\d{1,3})([xyzabn])(?!\w)",
        lambda m: f"{en.cardinal(m[1] or m[3])} {m[2] or m[4]}",
    ),
    rule(
        "pP",
        r"(?<!\d)(\d{1,2})(\d\d)[pP]\b",
        lambda m: f"{en.cardinal(m[1])} {en.cardinal(m[2])} p",
    ),
    rule("2", r"\b([BCP])2([BCP])\b", r"\1 to \2"),
    rule(
        "-",
        r"(?<=[\d)]) [-] (?=[\w(]+ ?[=+*/×÷])|(?<=\d)-\s?(?=\d+\s?=)|(?<=\b[a-z]) - (?=[\da-z]\b)"
        r"|(?<=[)\w]) - (?=the square)"
        r"|(?<=squared) - (?=\w)|(?<=cubed) - (?=\w)|(?<=\w) - (?=\d{1,3}[a-z]\b)|(?<![\w)\]-])-(?=[a-z]\b)",
        " minus ",
    ),
    rule("+×÷=≠±*", r"(?<=[\w)])\s?(?:[+×÷=≠±*]|[=!<>]=)\s{0,2}(?=[\w(√π.-])", en.say_operator),
    # A path through menus.
    rule(">", r"(?<=[A-Za-z]) > (?=[A-Z][A-Za-z])", ", "),
    rule("<>≤≥≈", r"(?<=[\w)])(?: [<>≤≥≈] |[<>≤≥≈])(?=[\w(√π.$€£-])", en.say_operator),
    rule("<>≤≥≈", r"([<>]=?|[≤≥])\s?(?=[-+]?[$€£¥]?\.?[\dA-Za-z])", lambda m: en.compare(m[1])),
    # A formula that goes on in the next unit.
    rule("+×÷=≠±", r"(?<=[\w)]) [+×÷=≠±] ?$", en.say_operator),
    rule("<>≤≥", r"(?<=\d) [<>≤≥] ?$", en.say_operator),
    # Ranges, cases, scores.
    rule("-–", r"(?<![\w.,-])\d{1,4}(?:[-–]\d{1,4}){2,5}(?![\w-])", en.say_groups),
    rule(
        "-–—~",
        rf"(?<![\w.,-])(?P<low>{POINTED}){DASH}(?P<high>{POINTED}){END}(?!-\w|[A-Za-z])",
        en.say_dashed,
    ),
    rule("/", r"(?<=[\d)])/(?=[\d(])", " over "),
    rule(FIGURES, r"[A-Za-z]+-?\d+(?:\.\d+)?(?:-?[A-Za-z]+\d*|-\d+)*", en.say_name),
    rule("+", r"C\+\+", "C plus plus "),
    rule("#", r"\b([CF])#", r"\1 sharp"),
    rule(".", r"(?<!\w)\.(?=NET\b)", "dot "),
    rule("&", r"\s?&\s?", " and "),
    rule("@", r"\s?@\s?", " at "),
    rule("→>", r"\s?(?:→|->|=>)\s?", " to "),
    rule("".join(SIGNS), f"[{''.join(SIGNS)}]", lambda m: SIGNS[m[0]][0]),
    rule(
        "☆",
        r"1☆|☆(?=[ -](?:hotel|rat|review|rest|resort|general|service|exp|app|place))",
        lambda m: "one star" if m[0] == "1☆" else " star",
    ),
    rule("☆", "☆", " stars"),
    rule("/", rf"\s?/\s?({'|'.join(_PERIODS)})\b", lambda m: f" per {_PERIODS[m[1]]}"),
    rule("/", r"\s?/\s?s(?=$|[,;!?)]|\.(?!\w)| [a-z]{2})", " per second"),
    rule("/", r"\s?/\s?(?=month|day|week|year|hour|person|minute|night|user|seat)", " per "),
    # "ten hundred" and "ten zero one" are the library's 1000 and 1001.
    rule("0", r"(?<![\w.,-])\d00\d(?![\w-]|[.,]\d)", lambda m: en.cardinal(m[0])),
    # One long figure alone can only be a number of something.
    rule(
        FIGURES,
        r"(?<![\w.,])0\d+(?![\w.,]\d|\w)|(?<![\w.,])\d{9,}(?=[ ,.?!]{0,2}$)"
        r"|(?<![\w.,])\d{6,}[1-9]\d{0,2}(?<=\d{9})(?![\w]|[.,]\d)"
        r"(?= (?:is|was|or|and|if|to|now|please)\b)",
        lambda m: en.digits(m[0]),
    ),
    rule(
        "-+±.,",
        rf"(?<![\w.,)])(?:[-+±]{POINTED}|\d[\d,]{{0,20}}\.\d+|\.\d+|\d{{1,3}}(?:,\d{{3}})+)(?!\w)",
        en.say_signed,
    ),
    # "1.5b", whose point the library loses.
    rule(
        ".",
        r"(?<![\w.,)])\d[\d,]{0,20}\.\d+(?=[A-Za-z]{1,3}(?![\w.]))",
        lambda m: f"{en.cardinal(m[0])} ",
    ),
    rule("%", "%", " percent"),
    rule("π", r"π(?=([A-Za-z])?)", lambda m: "pi " if m[1] else "pi"),
    # Two quotations side by side would grow into one word.
    rule('"', r'(?<=\w)"\s*"(?=\w)', '", "'),
)
_AFTERWARDS: Final[tuple[Rule, ...]] = (
    rule(FIGURES, rf"(?<![\w.,)]){_SIGNED}|{NUMBER}", en.say_number),
    rule("$", r"\$", " dollar "),
    rule("/", r"\s?/\s?", " "),
)


def speak(text: str, before: str = "", most: int = 160) -> str:
    """Returns an English text with every figure and symbol in words."""
    text = fold(text)
    text = apply(_RULES, before + text, len(before))
    return apply(_AFTERWARDS, Reader("en", most).read(text))
