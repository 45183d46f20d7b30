"""How long a text is when spoken, counted in syllables.

One Chinese character, kana or Hangul syllable is one syllable; a Latin word counts its groups of
vowels; a digit is one. Speech of either language runs at four to five of these a second, which
makes one number do for units, time-outs and the timing of words.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Han (with extension A, compatibility and the supplementary planes), kana, Hangul syllables. The
# compatibility block by its numbers: an editor that normalises writes 豈 as another character, and
# the range would hold the halves of characters.
CJK = r"㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U000323af぀-ヿㇰ-ㇿｦ-ﾝ가-힣"

_SYLLABLE_RUNS = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýœаеёиоуыэюя]+", re.IGNORECASE)
_CJK_CHAR = re.compile(rf"[{CJK}]")

# A piece is what one caption step shows: a Chinese character, or a word, with the blanks and
# marks around it, opening ones with the word after them and closing ones with the word before.
_PIECE = re.compile(
    rf"(?:[{CJK}]|[^\s{CJK}]*?[^\W_{CJK}][^\s{CJK}]*?(?=[“‘「『（《【]*[{CJK}]|\s|$))"
    r"[^\w\s“‘「『（《【〈(\[{<$€£¥#@]*\s*"
)


@lru_cache(maxsize=4096)
def _word_syllables(word: str) -> int:
    if word.isdigit():
        return len(word)
    if len(word) <= 5 and word.isupper():
        return len(word)  # spelled out, as "GPU" is
    groups = len(_VOWELS.findall(word))
    if word.isascii() and groups > 1 and word[-1] in "eE" and word[-2:-1] not in "lL":
        groups -= 1  # the silent e of "time"
    digits = sum(character.isdigit() for character in word)
    # A word without a vowel is spelled out, too.
    return digits + (groups or max(1, len(word) - digits))


def syllables(text: str) -> int:
    """Return the number of syllables in a text, 0 when there is nothing to say."""
    total = 0
    for run in _SYLLABLE_RUNS.findall(text):
        total += len(run) if _CJK_CHAR.match(run) else _word_syllables(run)
    return total


def pieces(text: str) -> list[str]:
    """Split a text into caption steps; joined, they are the text."""
    found: list[str] = []
    position = 0
    for match in _PIECE.finditer(text):
        found.append(text[position : match.end()])
        position = match.end()
    rest = text[position:]
    if rest and found:
        found[-1] += rest
    elif rest:
        found.append(rest)
    return found
