"""No text holds the event loop: the normaliser's time grows with the length and no faster."""

from __future__ import annotations

import gc
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts.normalizer import Normalizer, library, prewarm

# What a rule could look on from at each character, and what a stuck model repeats.
PIECES = [
    "-", "- ", "-:", "|-", "|:-:|", "--|", "=", "_", "*", "* ", "**", "~", "~~", "~~ ",
    "`", "``` ", "。", "，", "、", "—", "…", ".", ". ", ",", ",.", "!", "?!", ";", ":",
    "'", "\"", "\" ", "“", "”", "[", "]", "![", "](", "[a](", "(", ")", "（", "）", "【",
    "〔", "{", "}", "<", ">", "< ", "</", "<a", "<a ", "<!--", "<br", "\\", "\\[",
    "\\frac{", "\\sqrt{", "$", "$x", "$$", "$1", "^", "^{", "#", "# ", "> ", ">", "|",
    "| ", "|a", "\n", "\n-", "\n1.", "\n#", " ", "\t", "\u3000", "\u200b", "😀",
    "\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67\u200d\ud83d\udc66", "🇩🇪", "☎️",
    "^_", "1", "1.", "1,", "1-", "1:", "1/", "1%", "1 ", "-1", "+1", ".5", "1e", "1x",
    "$1-", "1:2", "1st ", "v1.", "0", "9 ", "a", "a.", "a-", "a_", "a@", "a@b.", "a.b/",
    "http://", "https://a.", "www.", "x^2", "(smiles, ", "*sighs, ", "*smil",
    "(laughter ", "笑", "（笑", "（笑，", "我", "我1", "1我", "第1", "一", "ab ", "Ab1",
    "&", "&amp;", "&#", "@", "√", "°", "±", "½", "٣", "е", "é", "の", "한", "á", "\x00",
    "\x1b[31m", "\u202e", "＃", "１", "×", "<think>",
    "|a|", "|1 + ", "|x - 3| < ", "<1, ", "[1, ", "[1, 2] ", "no. 5 ", "5! ", "Oak St. ", "the 2s ",
    "5\" ", "$5/lb ", "10x", "120 ",
]  # fmt: skip
CLOSERS = ["", " Total", "x", "!", "\n", "> here"]


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    prewarm()
    for piece in PIECES:
        _say(piece * 50, None)


def _say(text: str, language: str | None) -> float:
    """Seconds of processor time for one unit that nothing was read of before.

    What other processes take is not counted, nor the garbage of other tests.
    """
    gc.disable()
    try:
        library.read.cache_clear()
        began = time.thread_time()
        Normalizer(language).unit(text)
        return time.thread_time() - began
    finally:
        gc.enable()


def _takes(most: float, text: str, language: str | None) -> bool:
    """Whether a unit takes no more than so many seconds, once in two times."""
    return any(_say(text, language) <= most for _ in range(2))


@pytest.mark.parametrize("piece", PIECES)
def test_the_time_grows_with_the_length(piece: str) -> None:
    for language in ("en", "zh"):
        short, long = (piece * (size // len(piece)) for size in (2_000, 16_000))
        once = min(_say(short, language) for _ in range(2))
        # 8 times the length; a quadratic rule would take 64 times the time. What takes less than
        # two milliseconds cannot be told from noise.
        assert _takes(24 * max(once, 0.002), long, language)


@pytest.mark.parametrize("closer", CLOSERS)
@pytest.mark.parametrize("count", [36, 50, 399])
def test_a_run_of_dashes_is_over_at_once(count: int, closer: str) -> None:
    for dash in ("-", "- ", "=", "*", "_", "|-", ":-"):
        assert _takes(0.05, dash * count + closer, "en")
        assert _takes(0.05, "Note:\n" + dash * count + closer, "zh")


def test_a_line_is_no_speech_and_dashes_before_words_are() -> None:
    for line in ("-" * 36, "- - -", "|---|:-:|", "=====", "***", "-", "|--|"):
        assert Normalizer("en").unit(line) == ""
    assert Normalizer("en").unit("-" * 36 + " Total") == "Total"


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(PIECES), st.integers(1, 40)).map(lambda p: p[0] * p[1]),
            st.text(max_size=5),
        ),
        max_size=12,
    ).map(lambda parts: "".join(parts)[:400]),
    st.sampled_from([None, "en", "zh", "de"]),
)
def test_no_unit_takes_long(text: str, language: str | None) -> None:
    # The event loop is held for as long; a unit is 400 characters at most. The worst of 1,200 such
    # texts took 9 ms, with nothing of it read before.
    assert _takes(0.05, text, language)
