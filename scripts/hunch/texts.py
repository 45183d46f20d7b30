"""What is said over the agent: texts put together by a seed, and those of the test half."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

Kind: TypeAlias = Literal["floor", "backchannel"]
Language: TypeAlias = Literal["en", "zh"]

KINDS: tuple[Kind, ...] = ("floor", "backchannel")
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_BENCH = Path(__file__).resolve().parents[2] / "bench" / "duplex" / "texts.yaml"
_OPENED = 0.2
"""Share of the interruptions that begin with words of agreement or doubt."""
_ENDINGS = {"zh": {".": "。", "?": "？", "!": "！", "...": "……"}}


def plain(text: str) -> str:
    """A text as it is compared with others."""
    return re.sub(r"[^\w]", "", text).lower()


def test(kind: Kind, language: Language) -> list[str]:
    """The texts of the test half."""
    return _split(_all()[language]["test"][kind])


@cache
def banned() -> frozenset[str]:
    """What nothing is learnt from, as `plain`: the test half's, and that of `make bench-duplex`."""
    bench = yaml.safe_load(_BENCH.read_text(encoding="utf-8"))
    texts = [t for kind in KINDS for language in LANGUAGES for t in test(kind, language)]
    for part in ("backchannel", "interruption", "turn", "pause"):
        texts += [t for language in LANGUAGES for t in bench[part][language]["test"]]
    return frozenset(map(plain, texts))


def draw(rng: random.Random, kind: Kind, language: Language) -> str:
    """One text to learn from."""
    space = "" if language == "zh" else " "
    pause = rng.choice(["，", "。", ""] if language == "zh" else [", ", ". ", " "])
    if kind == "backchannel":
        parts = []
        for _ in range(rng.choices([1, 2, 3], [0.55, 0.37, 0.08])[0]):
            parts.append(_piece(rng, language, "short" if rng.random() < 0.35 else "phrase"))
        text, endings = pause.join(parts), [0.62, 0.14, 0.14, 0.1]
    else:
        sentences = _all()[language]["sentences"]
        pattern = rng.choices([s for _, s in sentences], [w for w, _ in sentences])[0]
        text = re.sub(r"{(\w+)}", lambda slot: _piece(rng, language, slot[1]), pattern)
        if pattern == "{whole}" and rng.random() < 0.25:
            text += pause + _piece(rng, language, "whole")
        if rng.random() < _OPENED:
            opening = rng.choice(["lead", "lead", "short"])
            text = _piece(rng, language, opening) + (pause or space) + text
        endings = [0.53, 0.31, 0.14, 0.02]
    end = rng.choices([".", "?", "!", "..."], endings)[0]
    return text[0].upper() + text[1:] + _ENDINGS.get(language, {}).get(end, end)


def _piece(rng: random.Random, language: Language, name: str) -> str:
    return rng.choice(_pieces(language, name))


@cache
def _pieces(language: Language, name: str) -> list[str]:
    return _split(_all()[language]["pieces"][name])


@cache
def _all() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        Path(__file__).with_name("texts.yaml").read_text(encoding="utf-8")
    )
    return found


def _split(text: str) -> list[str]:
    return [piece.strip() for piece in text.split("|")]
