"""What is said for what is written, by language; each file beside this one holds a language's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts import Segmenter
from livekit.plugins.qwen3_tts.figures import spans
from livekit.plugins.qwen3_tts.normalizer import Normalizer, normalize

HERE = Path(__file__).parent
LANGUAGES = ["zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it"]


def _cases(language: str) -> list[tuple[str, str, str]]:
    lines = (HERE / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.replace("\\n", "\n").split("\t") for line in lines if not line.startswith("# ")]
    return [(kind, written, spoken) for kind, written, spoken in rows]


ALL = [(language, *case) for language in LANGUAGES for case in _cases(language)]


@pytest.mark.parametrize(("language", "kind", "written", "spoken"), ALL)
def test_it_is_read_as_a_person_would(language: str, kind: str, written: str, spoken: str) -> None:
    assert normalize(written, language) == spoken


_FRAMES = {
    "en": [
        "So I think that {}, and that is all there is to say about it today.",
        "Well, {} is it, then I will do it. And {} too.",
        "And now for something we did not have here {} or {} or {}, I think.",
    ],
    "zh": [
        "其实我昨天晚上在家里跟他们几个人说过这个事情也就是{}以后再说吧。好吗？",
        "好的，{}就是了，然后我去做。还有{}也是。",
        "还有我们之前没有说过的那些东西比如{}或者{}或者{}都可以。",
    ],
}
# Lines that nobody writes into the middle of another, and two marks in one emoticon.
_OF_THEIR_OWN = re.compile(r"\n|\(\^|[:;]-?[)D]|~~|^\s*(?:>|#{1,6} |[*-] |\d[.)])|[\"'“*\[（(【]")


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text).replace("isat", "at")


def _units(text: str, queued: float) -> list[str]:
    segmenter = Segmenter()
    found = []
    for char in text:
        segmenter.push(char)
        while (unit := segmenter.take(queued)) is not None:
            found.append(unit)
    segmenter.end()
    while (unit := segmenter.take(queued)) is not None:
        found.append(unit)
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("queued", [0.0, 5.0])
@pytest.mark.parametrize("frame", range(3))
def test_units_say_what_the_whole_says(language: str, queued: float, frame: int) -> None:
    changed = []
    for _, written, _ in _cases(language):
        if _OF_THEIR_OWN.search(written):
            continue
        text = _FRAMES[language][frame].replace("{}", written)
        normalizer, before, said = Normalizer(language), "", ""
        for unit in _units(text, queued):
            said += normalizer.unit(unit, before)
            before += unit
        whole = normalize(text, language)
        # "is at least" and "at least" say the same.
        if _letters(said) != _letters(whole):
            changed.append((written, said, whole))
    assert changed == []


# Without a hint: told from the words. Nothing of these is read in English or Chinese.
@pytest.mark.parametrize(
    "text",
    [
        "회의는 3월 5일",
        "5 % mehr",
        "O preço é R$ 1.234,56.",
        "La température est de -5 °C.",
        "Es kostet 12,50 € und 3 < 5.",
        "El tren sale a las 14:30.",
        "Il treno parte alle 14:30.",
        "Поезд в 14:30, -5 °C.",
        "z. B. am 3. Oktober, d.h. Nr. 12",
        "Müller & Söhne, § 5",
        "C# und x^2, 2~3 Tage",
        "3.5% 올랐습니다.",
        "Ich habe 3 iPhones.",
        "Genau, 50 %!",
        "Guten Morgen, Ihre Bestellung 4711 ist da.",
        "Termin: 3.10.2026, 14:30 Uhr",
        "J'ai 2 chats et 1 chien.",
        "Rendez-vous à 8h30.",
        "D'accord, 3 billets.",
        "Tengo 2 gatos.",
        "Son las 9:15.",
        "Vale, 3 entradas.",
        "Ho 2 gatti.",
        "Va bene, 3 biglietti.",
        "Tenho 2 gatos.",
        "Preço: R$ 12,50",
        "У меня 2 кошки.",
        "고양이가 2마리 있어요.",
    ],
)
def test_another_language_goes_to_the_engine_with_its_signs(text: str) -> None:
    assert normalize(text) == text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("14:30から", "十四時三十分から"),
        ("2,000円", "二千円"),
        ("明日は、-5℃です。", "明日は、マイナス五度です。"),
    ],
)
def test_japanese_is_not_read_as_chinese(text: str, spoken: str) -> None:
    assert normalize(text) == spoken


# What was written before a unit says what it is: the unit before, the unit, what is said.
AFTER = [
    (
        "en",
        "The population grew from 1.2 million in ",
        "1950 to 3 million.",
        "nineteen fifty to three million.",
    ),
    ("en", "We meet on ", "03/04 or later.", "March fourth or later."),
    ("en", "It is due by ", "3/15.", "March fifteenth."),
    ("en", "Version ", "1.10 is out.", "one point ten is out."),
    ("en", "Your room is ", "1204.", "one two zero four."),
    ("en", "The code is ", "4071.", "four zero seven one."),
    ("zh", "验证码是", "381924。", "三八幺九二四。"),
    ("zh", "他住在", "1-2-301。", "一杠二杠三零幺。"),
    ("zh", "他出生于", "1990。", "一九九零。"),
    ("zh", "血压是", "120/80。", "一百二十，八十。"),
    (None, "会议日期：", "2026/11/29 ", "二零二六年十一月二十九日"),
    (None, "Der Preis ist ", "12,50 €.", "12,50 €."),
    (None, "明日の会議は", "14:30。", "十四時三十分。"),
    ("en", "See the options:\n", "> 5 apples", "more than five apples"),
    ("en", "Here they are:\n1. Reset the password\n", "2. Call the bank\n", "two, Call the bank"),
    ("en", "Say hello <break ", 'time="500ms"/> world.', "world."),
    ("en", "See [the guide](https://a.com/b-", "c/d) for more.", "for more."),
    ("en", "Press the middle button ", "(pause) to stop.", "(pause) to stop."),
    ("en", "*smiles warmly, ", "then nods* Hello.", "Hello."),
    ("en", "*smiles warmly, ", "then says. Hello there.", "then says. Hello there."),
    ("en", "Code:\n```python\nx = 1\n", "y = 2\n", ""),
    ("en", "Code:\n```python\nx = 1\n```\n", "It costs $5.", "It costs five dollars."),
]


@pytest.mark.parametrize(("language", "before", "written", "spoken"), AFTER)
def test_what_was_written_before_tells(
    language: str | None, before: str, written: str, spoken: str
) -> None:
    assert Normalizer(language).unit(written, before) == spoken
    # The units in order tell the same.
    normalizer = Normalizer(language)
    normalizer.unit(before)
    assert normalizer.unit(written) == spoken


def test_the_rest_of_a_broken_unit_is_heard_though_a_later_one_opened_a_fence() -> None:
    units = ["Here is the ", "code that you wanted me to write:\n", "```python\nx = 1\n"]
    normalizer = Normalizer("en")
    for index, unit in enumerate(units):
        normalizer.unit(unit, "".join(units[:index]))
    before = units[0] + "code that "
    assert normalizer.unit("you wanted me to write:\n", before) == "you wanted me to write:"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("好的~~~ 我马上帮您查询，请稍等。查到了，一共三件。", ["查询", "三件"]),
        ("Sure~~~ one moment, I found it.", ["found"]),
        ("~~~ is how I yawn\nand more follows", []),
        ("*sighs, and never closes. Next sentence should be heard.", ["Next sentence", "closes"]),
        ("Symptoms (coughing, sneezing, fever) may last.", ["coughing", "fever"]),
        ("他的性格（温柔、体贴、善良）很讨人喜欢。", ["体贴"]),
        ("你好~~欢迎光临~~请问需要什么？", ["欢迎光临"]),
        ("Use ```pip install x``` now and then restart.", ["pip install", "restart"]),
        ("````md\n```js\na\n```\nb\n````\nAfter.", ["After"]),
        ("Like so:\n```\nx\n```\nDone.", ["Done"]),
        ("用代码：```python\nx = 1\n```\n好了", ["好了"]),
        ("a < b and c > d", ["less than", "more than|greater than"]),
    ],
)
def test_nothing_falls_silent_that_was_meant(text: str, kept: list[str]) -> None:
    said = normalize(text)
    for word in kept:
        assert re.search(word, said), said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("See [the guide](https://a.com/b-c/d) for more.", "See the guide for more."),
        ('Hello <break time="500ms"/> world.', "Hello world."),
        ('Hi <a href="https://x.io/q">there</a> you.', "Hi there you."),
        ("<span class='big'>Hello</span> world.", "Hello world."),
    ],
)
def test_a_cut_in_a_tag_or_a_link_says_no_more_than_a_whole_one(text: str, said: str) -> None:
    for cut in range(1, len(text)):
        if re.search("<[a-z]$", text[:cut]):
            continue  # "x <s" is a comparison; the segmenter cuts in no span
        normalizer = Normalizer("en")
        words = re.findall(r"\w+", f"{normalizer.unit(text[:cut])} {normalizer.unit(text[cut:])}")
        assert "".join(words) == "".join(re.findall(r"\w+", said)), cut


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("a\u200bb 5\u200bkg", "ab five kilograms"),
        ("\x1b[31mred\x1b[0m 5", "red five"),
        ("\u202eabc 7", "abc seven"),
        ("５㎏", "five kilograms"),
        ("a\ud800b\x00 3", "ab three"),
        ("5\u00a0km", "five kilometers"),
    ],
)
def test_what_is_not_seen_is_not_said(written: str, spoken: str) -> None:
    assert normalize(written, "en") == spoken


SIGNED = st.tuples(
    st.sampled_from(["-", "<", ">", "≤", "≥", "."]), st.integers(1, 999), st.sampled_from(LANGUAGES)
)
SIGN_WORDS = {
    "zh": {"-": "负|零下", "<": "小于", ">": "大于", "≤": "不超过", "≥": "不少于", ".": "零点"},
    "en": {
        "-": "minus", "<": "less than", ">": "more than", "≤": "at most", "≥": "at least",
        ".": "point",
    },
    "ja": {"-": "マイナス", "<": "未満", ">": "超", "≤": "以下", "≥": "以上", ".": "点"},
}  # fmt: skip
FRAMES = {
    "zh": "数值是 {}。", "en": "It was {} then.", "ja": "値は {} です。", "ko": "값은 {} 입니다.",
    "de": "Der Wert ist {} heute.", "fr": "La valeur est {} ici.", "ru": "Значение {} здесь.",
    "pt": "O valor é {} aqui.", "es": "El valor es {} hoy.", "it": "Il valore è {} oggi.",
}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(SIGNED, st.sampled_from(["", "%", " kg", "°C"]), st.booleans())
def test_no_sign_is_lost(signed: tuple[str, int, str], unit: str, starts: bool) -> None:
    sign, number, language = signed
    figure = f"{sign}{number}{unit}"
    text = figure + "，。"[:1] if starts and language == "zh" else FRAMES[language].format(figure)
    said = normalize(text, language)
    words = SIGN_WORDS.get(language)
    assert re.search(words[sign], said) if words else figure in said, (text, said)


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("现在是12:05，会议改到下午3:30-5:00，", ["12:05", "3:30-5:00"]),
        ("请您拨打400-820-8820咨询。", ["400-820-8820"]),
        ("邮箱是zhang.san_99@163.com，", ["zhang.san_99@163.com"]),
        (
            "Call me on +44 20 7946 0958 or (415) 555-0132 now.",
            ["+44 20 7946 0958", "(415) 555-0132"],
        ),
        ("As shown earlier [12, 13, 15], this holds.", ["[12, 13, 15]"]),
        (
            "See https://docs.example.com/api/v2/users?id=42&sort=asc#top now",
            ["https://docs.example.com/api/v2/users?id=42&sort=asc#top"],
        ),
        ("on November 29, 2026 at 3:30 p.m. we", ["November 29, 2026", "3:30 p.m."]),
        ("它卖 ¥1,299.00，", ["¥1,299.00"]),
        ("账号是1234 5678 9012 3456。", ["1234 5678 9012 3456"]),
        ("他生于1990-05-20，今年36岁", ["1990-05-20", "36岁"]),
        ("[the guide](https://a.com/b-c/d) says", ["](https://a.com/b-c/d)"]),
        ('Wait <break time="500ms"/> please', ['<break time="500ms"/>']),
        ("the iPhone 16 Pro Max is", ["iPhone 16 Pro Max"]),
        ("no figures here", []),
    ],
)
def test_an_expression_is_one_span(text: str, expressions: list[str]) -> None:
    found = [text[start:end].strip() for start, end in spans(text)]
    for expression in expressions:
        assert any(expression in span for span in found), found
    if not expressions:
        assert found == []


@settings(max_examples=200, deadline=None)
@given(st.text(st.one_of(st.sampled_from("0123456789.,:-/ $%年月日 ab@<>[]()"), st.characters())))
def test_spans_are_in_order_and_apart(text: str) -> None:
    ends = 0
    for start, end in spans(text):
        assert ends <= start < end <= len(text)
        ends = end
