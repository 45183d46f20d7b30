"""What the network for sounds over the agent learns from: texts by a seed, noises by formula."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from scripts.hunch import sounds, texts


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("kind", texts.KINDS)
def test_texts_are_whole_and_many(kind: texts.Kind, language: texts.Language) -> None:
    rng = random.Random(1)
    drawn = [texts.draw(rng, kind, language) for _ in range(2000)]
    assert not [text for text in drawn if re.search(r"[{}|]|  ", text)]
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in drawn) == (language == "zh")
    assert len(set(drawn)) > 1000
    again = random.Random(1)
    assert drawn[:50] == [texts.draw(again, kind, language) for _ in range(50)]


def test_of_interruptions_some_begin_as_a_backchannel_does() -> None:
    rng = random.Random(2)
    drawn = [texts.draw(rng, "floor", "en").lower() for _ in range(1000)]
    agreeing = [t for t in drawn if re.match(r"(okay|right|yeah|good|yes|mm|great|sure)\b", t)]
    assert 20 < len(agreeing) < 300


def test_what_is_tested_with_is_not_learnt() -> None:
    assert len(texts.test("floor", "en")) == len(set(texts.test("floor", "en"))) == 40
    for kind in texts.KINDS:
        for language in texts.LANGUAGES:
            assert {texts.plain(t) for t in texts.test(kind, language)} <= texts.banned()
    assert texts.plain("Please stop talking.") not in texts.banned()  # the bench's training half


@pytest.mark.parametrize("kind", ["vocal", "noise"])
def test_noises_begin_at_once_and_are_not_all_alike(kind: str) -> None:
    rng = np.random.default_rng(1)
    made = [sounds.clip(rng, kind) for _ in range(40)]
    for sound in made:
        assert np.abs(sound).max() == 28_000
        assert abs(int(sound[0])) > 0.02 * 28_000
        assert sound.size <= 1.5 * sounds.RATE
    assert len({sound.tobytes() for sound in made}) == 40
