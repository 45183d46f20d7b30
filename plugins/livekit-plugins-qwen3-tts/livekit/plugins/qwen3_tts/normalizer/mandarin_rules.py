"""Which written forms there are in a Chinese text, most specific first.

A rule is here because the library reads its form wrongly, not at all, or as nobody says it to a
caller; what stands above it says which.
"""

from __future__ import annotations

import re
from typing import Final

from . import english_rules
from . import mandarin as zh
from .folding import fold
from .language import HAN
from .money import MONEY
from .patterns import CODE_GROUPS, DASH, EMAIL, END, ISBN, NUMBER, PHONE, POINTED, START, URL
from .reading import Reader
from .rules import FIGURES, Rule, apply, rule
from .signs import SIGNS
from .units_of_measure import MEASURE, UNIT

_CLOCK = r"\d{1,2}[:：]\d{2}(?:\s?[AaPp]\.?[Mm]\b\.?)?"
# After these a figure is named digit by digit.
_CODE_WORDS = (
    "(?:(?:验证|取票|取货|提货|邀请|兑换|激活|核销|优惠|登录|识别|动态|确认|付款|券|校验|认证|推荐)码|密码|编号|房间号?|房号|航班号?|号码|电话|热线|尾号|卡号|单号|订单号?|邮编|学号|工号|分机|门牌|账号|账户"
    "|拨打?|致电|打(?=1[12]\\d(?!\\d))|呼叫|取件码|车次|代码|口令|QQ号?|PIN|工单号?|案件号|流水号|会员号|微信号?|身份证号?"
    "|分机号?|端口号?|错误码?|单元|[A-Z]座)"
    "[是为：:\\s]{0,3}"
)
_NOT_COUNTED = r"(?![\d%:：-]|[.,]\d|[个元块万千亿次分人])"
# Public service numbers that need no word before them.
_SERVICES = r"12306|12345|12315|10086|10010|95\d{3}"
_SIGNED = rf"[-+±]?{POINTED}"
_MONEY_NAME = "(?:元|块钱|块|美元|欧元|英镑|日元|港元|港币|美金|人民币)"
_HOLIDAY = "(?:假期|小长假|劳动节|放假|大促|购物节|活动|晚会|期间|黄金周|国庆|事件)"


def _bare(match: re.Match[str]) -> str:
    return match[0].replace(".", "")


def _height(match: re.Match[str]) -> str:
    return f"{zh.cardinal(match[1])}米{zh.say_year(match[2])}"


_RULES: Final[tuple[Rule, ...]] = (
    rule("@", EMAIL, zh.say_email),
    rule(".:", URL, zh.say_url),
    rule("@", r"(?<=[A-Za-z])@(\d+)", lambda m: f"艾特{zh.serial(m[1])}"),
    rule(
        ":：",
        r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})[:：](\d{2,5})(?!\d)",
        lambda m: f"{'点'.join(map(zh.serial, m[1].split('.')))}冒号{zh.serial(m[2])}",
    ),
    # An account of which only the ends are shown.
    rule(
        "∗",
        r"(?<!\w)(\d{1,8})∗(\d{1,8})(?!\d)",
        lambda m: f"{zh.serial(m[1])}，星号，{zh.serial(m[2])}",
    ),
    rule("9", ISBN, lambda m: "，".join(map(zh.serial, re.split("[- ]", m[0])))),
    rule(
        "·•",
        r"(?<=[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z])[·•]\s?([A-Z\d]{5,6})(?!\w)",
        lambda m: zh.serial(m[1]),
    ),
    # Longer than any number that has a name.
    rule(FIGURES, r"\d{19,}", lambda m: zh.serial(m[0])),
    # A space between Chinese and a figure is typography.
    rule(" ", rf"(?<=[{HAN}]) +(?=[-+]?\d)|(?<=[\d%]) +(?=[{HAN}])", ""),
    # The library's "第两名", "零八月" and thousands in two parts; its 12.9 is a date.
    rule("0", r"(?<![\d.:-])0(?=\d[月日号])", ""),
    # The library's "二月两日" and "两单元".
    rule("2", "(?<=月)2(?=日)|(?<![\\d.])2(?=单元|号楼|栋)", "二"),
    rule(
        "第",
        rf"(?<=第)(\d+){DASH}(?:第)?(\d+)",
        lambda m: f"{zh.cardinal(m[1])}到第{zh.cardinal(m[2])}",
    ),
    rule("第", r"(?<=第)\d+", lambda m: zh.cardinal(m[0])),
    rule("周", r"(?<=周)([1-6])[-~](?=周[1-7])", lambda m: f"{zh.cardinal(m[1])}到"),
    # Telephone numbers in groups; the library runs them together.
    rule(FIGURES, PHONE, zh.say_phone),
    # Codes are named figure by figure; the library counts them.
    rule(
        "X", r"(?<!\d)(\d{1,17})X(?![A-Za-z\d])", lambda m: zh.serial(m[1]) + "X", after=_CODE_WORDS
    ),
    rule(FIGURES, CODE_GROUPS, zh.say_code_groups, after=_CODE_WORDS),
    rule(
        FIGURES,
        r"(?<!\d)\d{5,12}(?![\d%]|[.,]\d|[个元块万千亿次分人名位])",
        lambda m: zh.serial(m[0]),
        after=f"(?:短信|发送|编辑|回复)[A-Za-z{HAN}]{{0,8}}[到至]",
    ),
    rule(
        FIGURES,
        rf"(?<!\d)(\d{{3,8}}|\d{{4,}}(?=[，。,.\s]|$)){_NOT_COUNTED}",
        lambda m: zh.serial(m[1]),
        after=_CODE_WORDS,
    ),
    rule(FIGURES, r"\d{1,5}(?!\d)", lambda m: zh.serial(m[0]), after=r"\d{4}转"),
    rule(
        FIGURES,
        rf"(\d{{3,8}}){_NOT_COUNTED}",
        lambda m: zh.serial(m[1]),
        after="[零幺二三四五六七八九]{3,}(?:或者?|、|和)",
    ),
    rule(
        "室号房",
        r"(?<![\d.,-])(\d{3,4})(?=室|号[房楼院厅门]|房间?(?![价屋]))",
        lambda m: zh.serial(m[1]),
    ),
    # 2024-03-05T10:00:00Z
    rule("T", r"(?<=\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z|\b)", r" \1"),
    # The feasts are called by their figures.
    rule(".", r"(?<![\d.])3\.8(?=节|妇女)", "三八"),
    rule(
        ".",
        rf"(?<![\d.])(?:5\.1|6\.18|3\.15|10\.1|11\.11|12\.12|6\.1|8\.18)(?={_HOLIDAY})",
        lambda m: zh.serial(_bare(m)).replace("幺", "一"),
    ),
    rule(
        "1",
        r"(?<![\d.])(?:618|1111|1212|315|818)(?=大促|购物节|晚会|活动|狂欢)",
        lambda m: zh.serial(m[0]).replace("幺", "一"),
    ),
    rule("/·", r"(?<![\d/])9[/·]11(?=事件|恐|袭)", "九一一"),
    rule(
        "-/.·",
        r"(?<![\d.])(?P<year>\d{4})([-/.·])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)",
        zh.say_date,
    ),
    # The end of a span of days, and one without its year.
    rule(
        "-/.·–—~到至",
        rf"(?<=日)(?:{DASH}|[到至])(\d{{1,2}})[-/.](\d{{1,2}})(?![\d/.-])",
        lambda m: f"到{zh.cardinal(m[1])}月{zh.cardinal(m[2])}日",
    ),
    rule("-–—~", r"(?<=日)\s?[-–—~]\s?(?=[\d零一二])", "到"),
    rule(
        "/",
        r"(?<![\d/.-])(\d{1,2})/(\d{1,2})\s?[-–—~至到]\s?(\d{1,2})/(\d{1,2})(?![\d/.-])",
        zh.say_span,
    ),
    rule(
        ".",
        r"(?<![\d/.-])(\d{1,2})\.(\d{1,2})\s?[-–—~至到]\s?(\d{1,2})\.(\d{1,2})(?![\d/.%-])",
        zh.say_span,
        after="(?:时间|日期|活动|假期|放假|促销|展期|档期)[是为：:]?\\s?",
    ),
    rule(
        "-/",
        r"(?<![\d/.-])(0[1-9]|1[0-2])[-/](0[1-9]|[12]\d|3[01])(?![\d/.%-])",
        lambda m: f"{zh.cardinal(m[1])}月{zh.cardinal(m[2])}日" if m[0][0] == "0" else m[0],
    ),
    rule(
        "-/",
        r"(?<![\d/-])(?P<month>0?[1-9]|1[0-2])([-/])(?P<day>\d{1,2})\2(?P<year>(?:19|20)\d\d)(?!\d)",
        zh.say_date,
    ),
    rule(
        "-/",
        r"(?<![\d/-])((?:19|20)\d{2})[-/](0?[1-9]|1[0-2])(?![\d/-])",
        lambda m: f"{zh.say_year(m[1])}年{zh.cardinal(m[2])}月",
    ),
    rule(
        "-/.",
        r"(?<![\d/.-])(0[1-9]|1[0-2])[-/.]((?:19|20)\d{2})(?![\d/-])",
        lambda m: f"{zh.say_year(m[2])}年{zh.cardinal(m[1])}月",
    ),
    rule(
        "年",
        rf"(?<!\d)(\d{{4}})年?(?:{DASH}|[到至])(\d{{4}})(?=年)",
        lambda m: f"{zh.say_year(m[1])}到{zh.say_year(m[2])}",
    ),
    rule(
        "年届级款版",
        r"(?<![\d,.])(\d{4}|0\d|\d\d(?=年\d{1,2}月))(?=年(?!级|以上|的?历史)|[届款]|级(?=学生|新生|[的毕同校]))",
        lambda m: zh.say_year(m[1]),
    ),
    rule(
        "aAbB",
        r"(?<!\d)(\d{1,4})(年\d{1,2}月)?\s?(?:[aA]\.?[dD]|([bB]\.?[cC]))(?:\.|(?![A-Za-z]))",
        lambda m: f"公元{'前' * bool(m[3])}{zh.say_year(m[1])}{m[2] or '年'}",
    ),
    rule("财学赛", r"(?<![\d.,/-])((?:19|20)\d\d)(?=财年|学年|赛季)", lambda m: zh.say_year(m[1])),
    rule(
        "-/",
        r"(?<![\d/-])((?:19|20)\d\d)[-/]((?:19|20)?\d\d)(?=赛季|财年|学年)",
        lambda m: f"{zh.say_year(m[1])}到{zh.say_year(m[2])}",
    ),
    rule(
        "-–—~",
        rf"(?<![\w.,-])((?:19|20)\d\d)\s?[-–—~]\s?((?:19|20)\d\d)(?![\w.,%{HAN}-])",
        lambda m: f"{zh.say_year(m[1])}到{zh.say_year(m[2])}" if m[1] < m[2] else m[0],
    ),
    rule("年", r"(?<![\d.,])[1-9]000(?=年的?历史)", lambda m: zh.cardinal(m[0])),
    rule("公", r"(?<=公元)(前?)(\d{1,4})(?=年)", lambda m: m[1] + zh.say_year(m[2])),
    rule("s", r"(?<![\w.])((?:19|20)\d0)s(?![A-Za-z])", lambda m: f"{zh.say_year(m[1])}年代"),
    rule("后", r"(?<![\d第])([06-9]\d)(?=后(?!天|面|来|的))", lambda m: zh.say_year(m[1])),
    rule(
        FIGURES,
        rf"\s?((?:19|20)\d\d)(?:(?![\d{HAN}.,:%/A-Za-z-]|\s[A-Za-z])|(?=[到至和与以之]))",
        lambda m: zh.say_year(m[1]),
        after="[在从到至于自由年]|年是|年为",
    ),
    rule("-", r"(?<![\w.,])-(?=百分之)", "负"),
    # Hours. "时间:3:30" and half past.
    rule("AP", r"(?<![A-Za-z])([AP])\.?M\.?\s?(\d{1,2}[:：]\d\d)(?!\d)", r"\2 \1M"),
    rule(":：", rf"({_CLOCK}){DASH}({_CLOCK})", zh.say_time_range),
    rule(
        "比分",
        r"(?<!\d)(\d+)\s?[:：–—-]\s?(\d+)(?!\d)",
        lambda m: zh.say_versus(m[1], m[2]),
        after=f"比分[{HAN}]{{0,2}}[是为]?",
    ),
    rule(
        ":",
        r"(?<![\w:.])(\d{1,2}):([0-5]\d)\.(\d{1,3})(?![\w:])",
        lambda m: (
            f"{zh.cardinal(m[1])}分{'零' * (m[2] < '10')}{zh.cardinal(m[2])}秒{zh.say_year(m[3])}"
        ),
    ),
    rule(":：mM", zh.TIME, zh.say_time),
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
    # Comparisons before an amount: the library leaves their signs, and the engine says nothing.
    rule(
        "<>≤≥",
        r"(?:(?<=\s)|(?<=^)|(?<=[(（,，:：]))([<>]=?|[≤≥])(?=[-+]?(?:[A-Z]{0,2}[$€£¥])?\.?\d)",
        lambda m: zh.compare(m[1]),
    ),
    rule(
        "<>≤≥",
        rf"(?<=[{HAN}])\s?([<>]=?|[≤≥])\s?(?=[-+]?(?:[A-Z]{{0,2}}[$€£¥])?\.?\d)",
        lambda m: zh.compare(m[1]),
    ),
    rule("约~≈", r"约?(?<![\d%°A-Za-z])(?<!\d )[~≈]\s?(?=[$€£¥]?\d)|约\s+(?=\d)", "约"),
    # Money: its thousands, its ranges and its minus.
    rule(
        "元块",
        rf"{START}(?:(?P<low>{POINTED}){DASH})?(?P<number>{POINTED})(?P<what>[万亿]?{_MONEY_NAME}|[次个人件克拍转])\s?/\s?(?P<per>{UNIT}|[{HAN}]{{1,2}}?(?=$|[，。、！？；,.\s]))",
        zh.say_share,
    ),
    rule(
        "/",
        rf"{START}(?:(?P<low>{POINTED}){DASH})?(?P<number>{POINTED})(?P<what>[次个人件拍转])\s?/\s?(?P<per>分钟?|秒|小?时|天|日|周|月|年|min|h|s)",
        zh.say_share,
    ),
    rule("$€£¥₩₹₽₿₺₫₱฿DRPYF", MONEY, zh.say_money),
    rule(
        "元块美欧英日港人",
        rf"(?<![\w.,])(?P<minus>[-+]?)(?P<low>{POINTED})(?:(?P<range>{DASH})(?P<high>{NUMBER}))?(?=[万亿]?{_MONEY_NAME})",
        zh.say_price,
    ),
    rule(
        "%‰",
        rf"(?<![\w.,])(?P<low>{_SIGNED})(?:(?P<first>%)?(?:{DASH}|到)(?P<high>{NUMBER}))?\s?(?P<mark>[%‰])",
        zh.say_percent,
    ),
    # Heights, sizes, resolutions.
    rule("米", r"(?<![\d.])([12])米(\d\d)(?!\d)", _height),
    rule("xX×", r"(?<=\d)\s?[xX×]\s?(?=\d)", "×"),
    rule("xX", r"(?<=\d)[xX](?![A-Za-z\d]|\s?[-+=])", "倍"),
    rule("pP", r"(?<!\d)(\d{3,4})[pP]\b", lambda m: f"{zh.serial(m[1])}P"),
    rule(
        "wW",
        rf"{START}({POINTED})[wW](?=[{HAN}]|$|[，。+])(?!灯|的?功率|充|快充|瓦|电|音)",
        lambda m: f"{zh.cardinal(m[1])}万",
    ),
    rule("+", r"(?<!\w)(\d{1,3})\+(\d{2,4})(?=GB?|T)", lambda m: f"{zh.cardinal(m[1])}加{m[2]}"),
    rule("°", r"(?<=[a-z])(\d{1,3})°(?![\dCF])", lambda m: f"{zh.cardinal(m[1])}度"),
    rule(
        "h",
        r"(?<![\w.])(\d{1,2})\s?h\s?(\d{1,2})\s?(?:min|m)?(?!\w)",
        lambda m: f"{zh.say_amount(m[1], '小时')}小时{zh.say_amount(m[2], '分钟')}分钟",
    ),
    rule("vV", r"(?<!\w)(\d)[vV][sS]?(?=\d(?!\w))", r"\1V"),
    rule(
        "L", rf"{START}({POINTED})\s?L/100\s?km(?!\w)", lambda m: f"每百公里{zh.cardinal(m[1])}升"
    ),
    rule("/", r"(?<![\d./])(\d+) 1/2\s?(?=%)", r"\1.5"),
    rule("^", r"(?<=\d)\^(\d{1,3})(?=[a-zA-Zμ])", lambda m: f"的{zh.cardinal(m[1])}次方"),
    rule("m", r"(?<=次方)m/s(?!\w)", "米每秒"),
    rule(
        "d",
        r"(?<![\w.])(\d{1,3})d(?![\w打电动模建效游图])",
        lambda m: f"{zh.say_amount(m[1], '天')}天",
    ),
    rule(
        "/",
        rf"{START}({POINTED}[万亿千]?)\s?/\s?(s|min|h|d|{UNIT})(?!\w)",
        lambda m: f"每{zh.period(m[2])}{m[1]}",
    ),
    rule(FIGURES, MEASURE, zh.say_measure),
    rule(
        "-~",
        rf"{START}-(\d+){DASH}-(\d+)(?=度)",
        lambda m: f"零下{zh.cardinal(m[1])}到零下{zh.cardinal(m[2])}",
    ),
    rule("/", r"(?<![\d/.])24/7(?![\d/])|(?<![\d/.])7[×xX/]24(?![\d/])(?:小时)?", "七乘二十四小时"),
    rule(
        "/",
        r"(?<![\d/.])(\d{2,3})/(\d{2,3})(?![\d/.])",
        lambda m: f"{zh.cardinal(m[1])}，{zh.cardinal(m[2])}",
        after="血压[是为：:在高低约达到]{0,3}",
    ),
    rule("/", r"(?<![\d/.])50/50(?![\d/])", "五五开"),
    rule(
        "/",
        r"(?<![\w.,/])(\d\.\d)/(5|10)(?![\d/]|\.\d)分?",
        lambda m: f"{zh.cardinal(m[1])}分，满分{zh.cardinal(m[2])}分",
    ),
    rule(
        "/",
        r"(?<![\w.,/])(\d)/(5|10)(?![\d/]|\.\d)分?",
        lambda m: f"{zh.cardinal(m[1])}分，满分{zh.cardinal(m[2])}分",
        after=f"[评得打]分[{HAN}]{{0,2}}[：:]?\\s?",
    ),
    rule(
        "/",
        r"(?<![\d/.])(\d+)/(\d+)(?=\s?[=≈])",
        lambda m: f"{zh.cardinal(m[1])}除以{zh.cardinal(m[2])}" if int(m[1]) > int(m[2]) else m[0],
    ),
    rule(
        "/",
        r"(\d{1,2})/(\d{1,2})(?![\d/%])",
        lambda m: f"{zh.cardinal(m[1])}或{zh.cardinal(m[2])}",
        after="(?:Windows|Win|iOS|Android|macOS|iPhone|HarmonyOS|鸿蒙|安卓) ?",
    ),
    rule(
        "/",
        r"(?<![\w.,])(?P<sign>[-+±]?)(?<!\d)(?:(\d+)\s)?(\d+)\s?/\s?(\d+)(?![\d/])(?!\.\d)",
        zh.say_fraction,
    ),
    rule(".", r"(?<![A-Za-z\d.])([vV])?(\d+(?:\.\d+){2,3})(?![\d.]*\d)", zh.say_version),
    rule(
        "tdh",
        r"\b(?:[A-Z][a-z]+\.? )?\d+(?:st|nd|rd|th)\b",
        lambda m: english_rules.speak(m[0]),
    ),
    rule(".№#", r"(?:No\.|№|#)\s?(\d+)", lambda m: f"{zh.cardinal(m[1])}号"),
    # Formulas: the library's plus is 正 and its minus 负.
    rule("^", r"\^(-?\d+|[a-z]|\(?-?\w+\)?)", zh.say_power),
    rule("√", r"√\s?", "根号"),
    rule("2", r"(?<![A-Za-z\d])([BCOPG])2([BCOPG])(?![A-Za-z\d])", r"\1 to \2"),
    rule("C", r"(?<![A-Za-z])C\+\+\s?(?=\d)", "C加加"),
    rule(
        "-",
        rf"(?<=[\w){HAN}]) - (?=[\w({HAN}])|(?<=[\w)])-(?=[\d(]\w*\s?(?:=|等于))|(?<=[平立次]方)-(?=[\w(])",
        "减",
    ),
    rule("+", rf"(?<=\d)\+(?=[{HAN}，。]|$)", "多"),
    # Names that are figures.
    rule(
        "92",
        "(?<!\\d)(?:985|211)(?=[、/和及或]\\s?(?:985|211|$)|大学|高校|院校|工程|毕业)",
        lambda m: zh.serial(m[0]),
    ),
    rule(
        "2",
        "(?<!\\d)211(?=大学|高校|院校|工程|毕业|[、/和及或])",
        "二幺幺",
        after="[零幺二三四五六七八九]{3}[、/和及或]",
    ),
    rule("9", "(?<!\\d)996(?=工作|加班|文化|模式|制)", "九九六"),
    # A formula that goes on in the next unit.
    rule("+×÷=≠±", r"(?<=[\w)]) [+×÷=≠±] ?$", zh.say_operator),
    rule("<>≤≥", r"(?<=\d) [<>≤≥] ?$", zh.say_operator),
    rule(
        "+×÷=≠±*", rf"(?<=[\w){HAN}])\s?(?:[+×÷=≠±*]|[=!]=)\s?(?=[\w(√π{HAN}.-])", zh.say_operator
    ),
    rule(">", rf"(?<=[{HAN}])\s?>\s?(?=[{HAN}])", "，"),
    rule("<>", r"(?<=[\w)]) ?[<>]= ?(?=[\w(√π-])", zh.say_operator),
    rule(
        "<>≤≥≈",
        r"(?<=[\d)])\s?[<>≤≥≈]\s?(?=[\w(√π-])|(?<=[A-Za-z])(?: [<>≤≥≈] |[<>≤≥≈])(?=[\w(√π-])",
        zh.say_operator,
    ),
    rule("<>≤≥", r"([<>]=?|[≤≥])\s?(?=[-+]?[$€£¥]?\.?\w)", lambda m: zh.compare(m[1])),
    rule("-–", r"(?<![\w.,-])\d{1,5}(?:[-–]\d{1,5}){2,5}(?![\w-])", zh.say_groups),
    rule(
        "-–—~",
        rf"{START}(?<!-)(?P<low>{NUMBER}){DASH}(?P<high>{NUMBER}){END}(?!-\d)",
        zh.say_dashed,
    ),
    rule(
        FIGURES,
        r"(?<![\w.])(?:RTX|GTX|RX|MX|Intel|Core)\s?(\d{4})(?!\d)",
        lambda m: m[0].replace(m[1], zh.serial(m[1]).replace("幺", "一")),
    ),
    rule(
        FIGURES, r"[A-Za-z]+-?\d+(?:\.\d+)?(?:-?[A-Za-z]+\d*|-\d+(?:\.\d+)?[A-Za-z]*)*", zh.say_name
    ),
    rule("2", rf"(?<![\w.,第])2(?=[{zh.COUNTED}])(?!年级|次[元方幂]|分之)", "两"),
    # Decimals and signed figures; the library's 12.9 is the ninth of December.
    rule(
        "+-±.,",
        rf"(?<![\w.,)])(?:[-+±]{POINTED}|\d[\d,]*\.\d+|\.\d+|{NUMBER}(?<=,\d\d\d))",
        zh.say_number,
    ),
    rule("+", r"C\+\+", "C加加"),
    rule("#", "C#", "C sharp"),
    rule("&", r"\s?&\s?", "和"),
    rule("@", r"\s?@\s?", " 艾特 "),
    rule("→>", r"\s?(?:→|->|=>)\s?", "到"),
    rule("".join(SIGNS), rf"\s?([{''.join(SIGNS)}])\s?", lambda m: SIGNS[m[1]][1]),
    rule("☆", r"\s?☆", "星"),
    rule(
        "°",
        r"(\d+)°(\d+)'(?:(\d+)\")?",
        lambda m: f"{m[1]}度{m[2]}分" + (f"{m[3]}秒" if m[3] else ""),
    ),
    rule("¢", r"(\d)\s?¢", r"\1美分"),
    rule("/", "(?<=和)/(?=或)", ""),
    rule("≈", rf"(?<=[{HAN}])\s?≈\s?(?=[{HAN}\w])", "约等于"),
    # Whatever was counted, for each: 二十欧元/晚.
    rule(
        "/",
        rf"([零一二两三四五六七八九十百千万亿点半]+[{HAN}]{{1,4}})\s?/\s?"
        r"(晚|天|日|月|年|周|人|次|件|瓶|盒|包|袋|个|斤|箱|份|杯|场|位|间|台|套|张|小时|分钟|秒|平米|亩|户|桌"
        r"|碗|盘|碟|串|只|条|颗|粒|片|支|滴|节|课|学期|本|双|对|辆|页|字|公里|班|季|期|罐|听|壶)"
        rf"(?![{HAN}])",
        r"每\2\1",
    ),
    rule("/", rf"(?<=[{HAN}])/(?=[{HAN}])", "或"),
    rule("π", "π", "派"),
    rule(FIGURES, r"(?<![\w.,])\d{9,}", zh.say_number),
)
# The grammar takes a clause; over a comma it joins 12块5，34.5元 into one figure.
_CLAUSE = re.compile(r"[^，。、！？；：,;!?\s]{0,60}\d[^，。、！？；：,;!?\s]{0,60}")
# Ⅲ期 is 三期.
_ROMAN: Final = {start + n: str(n + 1) for start in (0x2160, 0x2170) for n in range(12)}
_AFTERWARDS: Final[tuple[Rule, ...]] = (
    rule(FIGURES, rf"(?<![\w.,)]){_SIGNED}|{NUMBER}", zh.say_number),
    rule("%", "%", "百分号"),
    rule("$", r"\$", "美元"),
    rule("/", r"\s?/\s?", " "),
)


def speak(text: str, before: str = "", most: int = 160) -> str:
    """Returns a Chinese text with every figure and symbol in words."""
    reader = Reader("zh", most)
    text = apply(_RULES, before + fold(text.translate(_ROMAN)), len(before))
    return apply(_AFTERWARDS, _CLAUSE.sub(lambda clause: reader.read(clause[0]), text))
