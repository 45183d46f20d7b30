"""Reads dates and the hours of a day as they are said in Mandarin."""

from __future__ import annotations

import re
from typing import Final

from ..language import HAN
from ..patterns import DASH
from ..rules import FIGURES, Rule, rule
from .codes import say_versus
from .numbers import cardinal, say_year, serial

_CLOCK = r"\d{1,2}[:：]\d{2}(?:\s?[AaPp]\.?[Mm]\b\.?)?"

_HOLIDAY = "(?:假期|小长假|劳动节|放假|大促|购物节|活动|晚会|期间|黄金周|国庆|事件)"


def _bare(match: re.Match[str]) -> str:
    return match[0].replace(".", "")


def say_date(match: re.Match[str]) -> str:
    """Reads 2024-03-05 as 二零二四年三月五日."""
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{say_year(match['year'])}年{cardinal(str(month))}月{cardinal(str(day))}日"


def say_span(match: re.Match[str]) -> str:
    """Reads 6/1-6/18 as 六月一日到六月十八日."""
    month, day, last_month, last = (int(n) for n in match.groups())
    if not (0 < month <= last_month <= 12 and 1 <= day <= 31 and 1 <= last <= 31):
        return match[0]
    first = f"{cardinal(str(month))}月{cardinal(str(day))}日"
    return f"{first}到{cardinal(str(last_month))}月{cardinal(str(last))}日"


def _clock(hour: int, minute: int, second: int | None = None) -> str:
    said = ("两" if hour == 2 else cardinal(str(hour))) + "点"
    if second is None and minute == 30 and hour <= 12:
        return said + "半"
    if minute or second:
        said += ("零" if minute < 10 else "") + (cardinal(str(minute)) if minute else "") + "分"
    if second:
        said += ("零" if second < 10 else "") + cardinal(str(second)) + "秒"
    return said


TIME: Final = re.compile(
    r"(?P<part>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|今晚|明早)?\s?(?<![\d.])(?<!\d[:：])"
    r"(?P<hour>[01]?\d|2[0-4])(?:[:：](?P<minute>[0-5]\d)(?:[:：](?P<second>[0-5]\d))?)?(?![\d:])"
    r"(?:\s?(?P<noon>[AaPp]\.?[Mm]\b\.?))?(?:分(?!钟))?",
    re.ASCII,
)


def say_time(match: re.Match[str]) -> str:
    """Reads 下午3:30 and 3:30 pm as 下午三点半."""
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    noon = (match["noon"] or "").replace(".", "").lower()
    if not noon and not match["minute"]:
        return match[0]
    part = ""
    if noon and not match["part"] and hour <= 12:
        if noon == "am":
            part = "凌晨" if hour < 6 or hour == 12 else "上午"
        else:
            part = "中午" if hour == 12 else "下午" if hour < 6 else "晚上"
    second = int(match["second"]) if match["second"] else None
    return (match["part"] or part) + _clock(hour, minute, second)


def say_time_range(match: re.Match[str]) -> str:
    """Reads 9:00-17:30 as 九点到十七点三十分."""
    return f"{TIME.sub(say_time, match[1])}到{TIME.sub(say_time, match[2])}"


_BOOKS = (
    "(?:福音|诗篇|箴言|创世记|出埃及记|罗马书|以赛亚书|约伯记|约翰[一二三]书|[前后]书|启示录|希伯来书"
    "|使徒行传|传道书)\\s?"
)


def _verse(match: re.Match[str]) -> str:
    """Reads the 3:16 of a book as 三章十六节."""
    last = f"到{cardinal(match[3])}" if match[3] else ""
    return f"{cardinal(match[1])}章{cardinal(match[2])}{last}节"


DATES: Final[tuple[Rule, ...]] = (
    # Of a book its chapter and verse.
    rule(":：", r"(\d{1,3})[:：](\d{1,3})(?:[-–](\d{1,3}))?(?![\w:：])", _verse, after=_BOOKS),
    # The month and year of a card.
    rule(
        "/",
        r"(0[1-9]|1[0-2])/(\d\d)(?![\d/])",
        lambda m: f"{say_year('20' + m[2])}年{cardinal(m[1])}月",
        after="(?:有效期|到期|过期|失效)[日期]{0,2}[至到是为：:\\s]{0,3}",
    ),
    rule("'’", r"(?<!\w)['’](?=\d0年代)", ""),
    rule("'’", r"(?<!\w)['’](\d\d)(?=年)", lambda m: say_year(m[1])),
    rule(
        "年",
        r"(?<![\d.,第])(\d\d)(?=年年?[底初末中][^学小]|年年?[底初末中]$|年[上下]半年|年[春夏秋冬])",
        lambda m: say_year(m[1]),
    ),
    # The feasts are called by their figures.
    rule(".", r"(?<![\d.])3\.8(?=节|妇女)", "三八"),
    rule(
        ".",
        rf"(?<![\d.])(?:5\.1|6\.18|3\.15|10\.1|11\.11|12\.12|6\.1|8\.18)(?={_HOLIDAY})",
        lambda m: serial(_bare(m)).replace("幺", "一"),
    ),
    rule(
        "1",
        r"(?<![\d.])(?:618|1111|1212|315|818)(?=大促|购物节|晚会|活动|狂欢)",
        lambda m: serial(m[0]).replace("幺", "一"),
    ),
    rule("/·", r"(?<![\d/])9[/·]11(?=事件|恐|袭)", "九一一"),
    rule(
        "-/.·",
        r"(?<![\d.])(?P<year>\d{4})([-/.·])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)",
        say_date,
    ),
    # The end of a span of days, and one without its year.
    rule(
        "-/.·–—~到至",
        rf"(?<=日)(?:{DASH}|[到至])(\d{{1,2}})[-/.](\d{{1,2}})(?![\d/.-])",
        lambda m: f"到{cardinal(m[1])}月{cardinal(m[2])}日",
    ),
    rule("-–—~", r"(?<=日)\s?[-–—~]\s?(?=[\d零一二])", "到"),
    rule(
        "/",
        r"(?<![\d/.-])(\d{1,2})/(\d{1,2})\s?[-–—~至到]\s?(\d{1,2})/(\d{1,2})(?![\d/.-])",
        say_span,
    ),
    rule(
        ".",
        r"(?<![\d/.-])(\d{1,2})\.(\d{1,2})\s?[-–—~至到]\s?(\d{1,2})\.(\d{1,2})(?![\d/.%-])",
        say_span,
        after="(?:时间|日期|活动|假期|放假|促销|展期|档期|黄金周|国庆|春节|小长假)[是为：:]?\\s?",
    ),
    rule(
        "-/",
        r"(?<![\d/.-])(0[1-9]|1[0-2])[-/](0[1-9]|[12]\d|3[01])(?![\d/.%-])",
        lambda m: f"{cardinal(m[1])}月{cardinal(m[2])}日" if m[0][0] == "0" else m[0],
    ),
    rule(
        "-/",
        r"(?<![\d/-])(?P<month>0?[1-9]|1[0-2])([-/])(?P<day>\d{1,2})\2(?P<year>(?:19|20)\d\d)(?!\d)",
        say_date,
    ),
    rule(
        "-/",
        r"(?<![\d/-])((?:19|20)\d{2})[-/](0?[1-9]|1[0-2])(?![\d/-])",
        lambda m: f"{say_year(m[1])}年{cardinal(m[2])}月",
    ),
    rule(
        "-/.",
        r"(?<![\d/.-])(0[1-9]|1[0-2])[-/.]((?:19|20)\d{2})(?![\d/-])",
        lambda m: f"{say_year(m[2])}年{cardinal(m[1])}月",
    ),
    rule(
        "年",
        rf"(?<!\d)(\d{{4}})年?(?:{DASH}|[到至])(\d{{4}})(?=年)",
        lambda m: f"{say_year(m[1])}到{say_year(m[2])}",
    ),
    rule(
        "年届级款版",
        r"(?<![\d,.])(\d{4}|0\d|\d\d(?=年\d{1,2}月))(?=年(?!级|以上|的?历史)|[届款]|级(?=学生|新生|[的毕同校]))",
        lambda m: say_year(m[1]),
    ),
    rule(
        "aAbB",
        r"(?<!\d)(\d{1,4})(年\d{1,2}月)?\s?(?:[aA]\.?[dD]|([bB]\.?[cC]))(?:\.|(?![A-Za-z]))",
        lambda m: f"公元{'前' * bool(m[3])}{say_year(m[1])}{m[2] or '年'}",
    ),
    rule("财学赛", r"(?<![\d.,/-])((?:19|20)\d\d)(?=财年|学年|赛季)", lambda m: say_year(m[1])),
    rule(
        "-/",
        r"(?<![\d/-])((?:19|20)\d\d)[-/]((?:19|20)?\d\d)(?=赛季|财年|学年)",
        lambda m: f"{say_year(m[1])}到{say_year(m[2])}",
    ),
    rule(
        "-–—~",
        rf"(?<![\w.,-])((?:19|20)\d\d)\s?[-–—~]\s?((?:19|20)\d\d)(?![\w.,%{HAN}-])",
        lambda m: f"{say_year(m[1])}到{say_year(m[2])}" if m[1] < m[2] else m[0],
    ),
    rule("年", r"(?<![\d.,])[1-9]000(?=年的?历史)", lambda m: cardinal(m[0])),
    rule("公", r"(?<=公元)(前?)(\d{1,4})(?=年)", lambda m: m[1] + say_year(m[2])),
    rule("s", r"(?<![\w.])((?:19|20)\d0)s(?![A-Za-z])", lambda m: f"{say_year(m[1])}年代"),
    rule("后", r"(?<![\d第])([06-9]\d)(?=后(?!天|面|来|的))", lambda m: say_year(m[1])),
    rule(
        FIGURES,
        rf"\s?((?:19|20)\d\d)(?:(?![\d{HAN}.,:%/A-Za-z-]|\s[A-Za-z])|(?=[到至和与以之]))",
        lambda m: say_year(m[1]),
        after="[在从到至于自由年]|年是|年为",
    ),
    rule("-", r"(?<![\w.,])-(?=百分之)", "负"),
)

HOURS: Final[tuple[Rule, ...]] = (
    # Hours. "时间:3:30" and half past.
    rule("AP", r"(?<![A-Za-z])([AP])\.?M\.?\s?(\d{1,2}[:：]\d\d)(?!\d)", r"\2 \1M"),
    rule(":：", rf"({_CLOCK}){DASH}({_CLOCK})", say_time_range),
    rule(
        "比分",
        r"(?<!\d)(\d+)\s?[:：–—-]\s?(\d+)(?!\d)",
        lambda m: say_versus(m[1], m[2]),
        after=f"比分[{HAN}]{{0,2}}[是为]?",
    ),
    rule(
        ":",
        r"(?<![\w:.])(\d{1,2}):([0-5]\d)\.(\d{1,3})(?![\w:])",
        lambda m: f"{cardinal(m[1])}分{'零' * (m[2] < '10')}{cardinal(m[2])}秒{say_year(m[3])}",
    ),
    rule(":：mM", TIME, say_time),
    rule("：", r"(?<![\d:：])(\d+)：(?=\d+(?![\d:：]))", r"\1:"),
    rule(
        "-–—~",
        r"(?<=[\d零一二三四五六七八九十百千万半两氏][月日号点时年周天度个元分%])\s?[-–—~]\s?(?=\d)"
        r"|(?<=(?:周|期)[一二三四五六日天])\s?[-–—~]\s?(?=周|星期)"
        # With a figure before it "万" is no place, and the dash behind it no minus.
        r"|(?<=\d[万亿千百岁集章季级页次人米斤块期届班kKwW])\s?[-–—~]\s?(?=\d)"
        r"|(?<=[点分半])\s?[-–—~]\s?(?=次日|第二天|翌日|凌晨|[早晚]上|[上中下]午)",
        "到",
    ),
)
