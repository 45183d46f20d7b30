"""Which language each part of a text is in, of the ten that the voice speaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .words import CHINESE_PARTICLES, ENGLISH_PARTICLES, LANGUAGE_OF

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
LATIN = frozenset(["en", "de", "fr", "es", "pt", "it"])

# A language may change after these and nowhere else: "他说：I have 3 apples。"
_CLAUSE = re.compile(r"(?<=[。！？；，：\n“”「」])|(?<=[.!?:;\"])(?=\s)|(?<=\s)(?=\")", re.ASCII)
_SENTENCE_END = re.compile(r"[。！？；\n]|[.!?](?=\s)")
_HAN = re.compile(f"[{HAN}]")
# "円" is written in Japanese alone; "の" stands in names in a Chinese text, too.
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc円〒]")
_KANA_BUT_NO = re.compile("[\u3041-\u306d\u306f-\u3096\u30a1-\u30fa\u30fc円]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_CYRILLIC = re.compile("[\u0400-\u052f]+")
_LATIN_WORD = re.compile("(?<![0-9A-Za-zÀ-ÖØ-öø-ÿœ])[A-Za-zÀ-ÖØ-öø-ÿœ]++(?![0-9])")
_NO_WORD = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|\w+\.(?:com|org|net|io|de|fr|es|it|pt)\b")
# Letters that only one of the ten has, or nearly so.
_TELLING = (
    (re.compile(r"[äöüß]|\b[zd]\. ?[Bh]\.|\bNr\.|\bca\.", re.IGNORECASE), "de"),
    (re.compile(r"[ñ¿¡]|\bEE\. ?UU\.", re.IGNORECASE), "es"),
    # None of these is English; which of the other five it is makes no difference.
    (re.compile("[áéíóúâôàç]", re.IGNORECASE), "es"),
    (re.compile(r"[ãõ]|R\$|\dª|\bn\.?º(?= ?\d)|\d\.º", re.IGNORECASE), "pt"),
    (re.compile("[œùèêîûë]|\\b[cdjlmnst]['’](?=[aeiouéèêàh])", re.IGNORECASE), "fr"),
    (re.compile("[ìò]|\\bè\\b|\\b(?:dell|nell|sull|all|un)['’]", re.IGNORECASE), "it"),
)
# Up to three letters after a figure are its unit (5kg, 3 pm), not words of a sentence.
_WORD = re.compile(
    r"(?<![A-Za-z0-9./@:_'-])(?:(?<!\d )[A-Za-z]|(?<=\d )[A-Za-z]{4})[A-Za-z']*(?![\w@/])", re.ASCII
)
_FUNCTIONS = frozenset(["sin", "cos", "tan", "cot", "log", "exp", "lim", "sqrt"])
# "A" and "I" are words only before another: not in "A+B=C" and "A. 3".
_ARTICLE = re.compile(r"(?<![\w.])(?:[Aa]|I)(?= [A-Za-z]{2}|['’](?:m|ve|ll|d)\b)")
# Particles and pronouns say which sentence a foreign word stands in: in "He said 你好 3 times"
# they are English, in "我用 pip install 安装" Chinese. Each outweighs the nouns it governs.
_PARTICLE_WEIGHT = 2


def latin_language(text: str) -> str | None:
    """Returns which of the six languages of Latin script a text is in, None if nothing tells."""
    score = Counter(
        language
        for word in set(_LATIN_WORD.findall(_NO_WORD.sub(" ", text)))
        # "AB" is a name, "ab" a German word.
        if word.islower() or word.istitle()
        # One letter may be a variable: "x + y".
        if len(word) > 1
        for language in LANGUAGE_OF.get(word.lower(), ())
    )
    for letters, language in _TELLING:
        if letters.search(text):
            score[language] += 2
    if not score:
        return None
    best = max(score.values())
    # An English word says less against the others than theirs do: "in", "so" and "die" are theirs.
    found = [
        language for language in ("en", "de", "fr", "es", "pt", "it") if score[language] == best
    ]
    return found[0]


class Tongue:
    """Tells the languages of one reply's texts.

    Args:
        hint: The language that was asked for: it decides where the text leaves a choice.
        before: What was written before, which decides where neither does.
    """

    def __init__(self, hint: str | None, before: str = "") -> None:
        self._hint = hint
        self._before = before[-200:]

    def split(self, text: str) -> Iterator[tuple[str, str | None]]:
        """Yields the text in pieces, each with its language.

        A clause without words of its own takes the language of the whole text, then the hint, then
        that of what was before, then that of its punctuation; None is left only where nothing
        tells.
        """
        latin = self._latin(text)
        kana = _KANA_BUT_NO if self._hint == "zh" else _KANA
        japanese = self._hint == "ja" or kana.search(text)
        if self._hint is None and not japanese:
            japanese = _KANA.search(self._before)
        han = "ja" if japanese else "zh"
        # A sentence that was cut is in the language of all of it.
        sentence = _SENTENCE_END.split(self._before)[-1]
        whole = self._vote(sentence + text, latin, han) or self._hint
        if whole is None and self._before:
            whole = self._vote(self._before, self._latin(self._before), han)
        if whole is None and re.search(r"[。！？；，：、￥]", text):
            whole = "zh"
        if whole is None and re.search(r"[A-Za-z]{2}|R\$", text):
            whole = latin
        piece, language = "", whole
        begun = _CLAUSE.split(self._before)[-1]
        for clause in _CLAUSE.split(text):
            vote = self._vote(begun + clause, latin, han) or whole
            begun = ""
            if vote != language and piece:
                yield piece, language
                piece = ""
            piece, language = piece + clause, vote
        if piece:
            yield piece, language

    def _latin(self, text: str) -> str:
        if self._hint in LATIN:
            return str(self._hint)
        return latin_language(text) or latin_language(self._before) or "en"

    def _vote(self, text: str, latin: str, han: str) -> str | None:
        """Returns the language of a clause, or None if only names and figures stand in it."""
        words = _NO_WORD.sub(" ", text)
        # Of two that say as much, the one of Latin script is the sentence's.
        if latin == "en":
            found = _WORD.findall(words)
            # A capital inside a Chinese sentence is a name (iPhone, Python) and has no vote.
            # A letter or two are a variable or a unit ("x", "ma"), unless they are a particle.
            score = Counter(
                en=sum(
                    word.islower() and len(word) > 2 and word not in _FUNCTIONS for word in found
                )
            )
            particles = sum(len(word) > 1 and word.lower() in ENGLISH_PARTICLES for word in found)
            score["en"] += _PARTICLE_WEIGHT * (particles + len(_ARTICLE.findall(words)))
        else:
            score = Counter({latin: sum(len(word) > 1 for word in _LATIN_WORD.findall(words))})
        if not text.isascii():
            kana, characters = len(_KANA.findall(text)), _HAN.findall(text)
            score[han] += len(characters)
            score[han] += kana
            if han == "zh":
                score["zh"] += _PARTICLE_WEIGHT * sum(
                    char in CHINESE_PARTICLES for char in characters
                )
            score["ko"] += 2 * len(_HANGUL.findall(text))
            score["ru"] += sum(1 + (len(word) > 2) for word in _CYRILLIC.findall(text))
        best = max(score.values(), default=0)
        return max(score, key=lambda language: score[language]) if best else None
