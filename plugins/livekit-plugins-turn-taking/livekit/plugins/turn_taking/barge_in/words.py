"""Words that tell what somebody means who speaks while the agent does.

What is recognised is compared after taking away case, punctuation and the difference between
writing systems, so that "Uh-huh." and "uh huh", 對 and 对 are one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

# What people say to show that they listen, and what Whisper writes for it.
_BACKCHANNELS = """
嗯, 嗯嗯, 嗯哼, 唔, 哦, 噢, 喔, 啊, 哎, 诶, 欸, 呃, 额, 哈, 哈哈, 呵呵, 嘿嘿, 嘻嘻, 对, 对对,
对对对, 对啊, 对呀, 对的, 是, 是的, 是啊, 是吗, 是吧, 是是, 是是是, 好, 好的, 好啊, 好吧, 好好,
行, 行吧, 可以, 没错, 当然, 确实, 真的, 真的吗, 这样, 这样啊, 这样子, 原来如此, 原来是这样,
原来这样, 明白, 明白了, 我明白, 我明白了, 知道, 知道了, 我知道, 我知道了, 懂了, 了解, 有道理,
不错, 嗯好, 嗯对, 嗯是, 哦好, 哦对, 哦是吗, 啊对, 啊是吗, 哇, 天哪, 太好了, 挺好, 挺好的, mm,
mhm, mmhm, mm-hm, mm-hmm, mhmm, hm, hmm, mmm, uh-huh, uh, uhuh, uhhuh, huh, ah, aha, ahh, oh,
ooh, um, erm, er, yeah, yep, yup, yes, yea, ya, right, okay, ok, okey, sure, cool, great, good,
nice, wow, really, indeed, exactly, absolutely, totally, true, interesting, alright, haha,
hahaha, hehe, ha, i see, oh i see, got it, i got it, of course, all right, that's right,
that's true, makes sense, that makes sense, fair enough, sounds good, oh really, oh okay,
oh wow, oh nice, i know, you know, is that so, go on, very good, very nice, 有意思, 我懂了,
我懂, 是哦, 真不错
"""

# What ends a speech at once, however its sentence goes on.
_STOPS = """
停, 停下, 停下来, 停一下, 停停, 停停停, 停吧, 等, 等等, 等下, 等一下, 等一等, 等会, 等会儿,
先等, 先停, 先停一下, 慢着, 打住, 别说, 别说了, 不要说, 不要说了, 不用说了, 够了, 闭嘴, 安静,
稍等, 稍等一下, 打断一下, 且慢, 住口, stop, wait, enough, quiet, silence, hold on, hang on,
hold it, shut up, be quiet, just a moment, one moment, one second, just a second, never mind,
cancel that, that's enough, that is enough, 能不能停, 停一停, 先停一停, 先别说, 先别说了
"""

# What may come before the word that stops.
_OPENERS = """
please, no, hey, but, just, sorry, excuse me, 不, 不是, 喂, 请, 那, 你, 先
"""

_TRADITIONAL = str.maketrans(
    "對嗎這樣來說夠閉靜會兒當實錯懂訴聽請著們個時還麼誒氣",
    "对吗这样来说够闭静会儿当实错懂诉听请着们个时还么诶气",
)
_TOKEN = re.compile(r"[㐀-鿿]|[^\W_㐀-鿿]+(?:'[^\W_㐀-鿿]+)*")


_NEWEST = 6
"""Words that are looked for; earlier ones may be from before what is known of the agent's."""
_MOST = 0.6
"""Share of them in one piece: a recogniser misses a word of an echo, and makes two of one."""


def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text, in Chinese its characters, without case or punctuation."""
    plain = text.lower().replace("’", "'").translate(_TRADITIONAL)
    return tuple(_TOKEN.findall(plain))


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tokens(phrase) for phrase in text.split(","))


_BACKCHANNEL = _phrases(_BACKCHANNELS)
_STOP = _phrases(_STOPS)
_OPENER = _phrases(_OPENERS)
_LONGEST = max(len(phrase) for phrase in _BACKCHANNEL | _STOP | _OPENER)
# 不 is the beginning of 不错, but oftener of 不对 and 不是, and a correction is not to wait.
_BEGINNINGS = frozenset(p[:n] for p in _BACKCHANNEL for n in range(1, len(p))) - {("不",)}


def is_backchannel(said: Sequence[str]) -> bool:
    """Whether words show attention and nothing more; no words do not."""
    return bool(said) and not _without(said, _BACKCHANNEL)


def may_become_backchannel(said: Sequence[str]) -> bool:
    """Whether words are a backchannel as far as they go, the last one perhaps unfinished.

    "I" may become "I see", 是 is one already; "I want" can become none.
    """
    left = _without(said, _BACKCHANNEL)
    return bool(said) and (not left or tuple(left) in _BEGINNINGS)


def has_stop_word(said: Sequence[str]) -> bool:
    """Whether words tell the agent to stop, after others that only lead there."""
    left = list(said)
    while True:
        if _matched(left, _STOP):
            return True
        taken = _matched(left, _OPENER) or _matched(left, _BACKCHANNEL)
        if not taken:
            return False
        left = left[taken:]


def is_among(said: Sequence[str], spoken: Sequence[str]) -> bool:
    """Whether the newest words are the agent's: most of them in one piece of what it speaks."""
    newest = said[-_NEWEST:]
    match = SequenceMatcher(None, newest, spoken, autojunk=False).find_longest_match()
    return bool(newest) and match.size >= _MOST * len(newest)


def is_phrase(said: Sequence[str]) -> bool:
    """Whether words are more than an answer repeats: three, or five Chinese characters."""
    return sum(0.5 if "㐀" <= word <= "鿿" else 1.0 for word in said) > 2


def _without(said: Sequence[str], phrases: frozenset[tuple[str, ...]]) -> list[str]:
    """Return what remains when phrases are taken from the front, the longest first."""
    left = list(said)
    while taken := _matched(left, phrases):
        left = left[taken:]
    return left


def _matched(said: Sequence[str], phrases: frozenset[tuple[str, ...]]) -> int:
    """Return how many words the longest phrase at the front has, 0 if there is none."""
    return next(
        (n for n in range(min(_LONGEST, len(said)), 0, -1) if tuple(said[:n]) in phrases), 0
    )
