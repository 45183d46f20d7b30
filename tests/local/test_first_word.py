"""How probable the first word of a decode is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agent.local.first_word import WithLogits, first_word

# The last tokens are times, which are no text.
TOKENS = ["别", "说", "。", " Wait", "...", "\N{REPLACEMENT CHARACTER}", "", ""]


class Tokenizer:
    def decode(self, tokens: list[int]) -> str:
        return "".join(TOKENS[token] for token in tokens)


def written(*tokens: tuple[int, float]) -> Any:
    """What was written: tokens, each with its probability, the others being alike."""
    logits = []
    for token, probability in tokens:
        others = (1 - probability) / (len(TOKENS) - 1)
        row = np.log(np.full(len(TOKENS), others, np.float32))
        row[token] = np.log(probability)
        logits.append((row + 7.0)[None])  # logits are known but for a sum
    return SimpleNamespace(sequences_ids=[[token for token, _ in tokens]], logits=[logits])


@pytest.mark.parametrize(
    ("tokens", "probability"),
    [
        ([(6, 0.9), (0, 0.8), (1, 0.1), (2, 0.2), (7, 0.05)], 0.8),
        ([(6, 0.1), (4, 0.1), (3, 0.6), (7, 0.1)], 0.6),
        ([(5, 0.3), (0, 0.9)], 0.3),  # the first bytes of a character
        ([(0, 0.25)], 0.25),
    ],
)
def test_the_first_word_is_as_probable_as_its_token_whatever_stands_beside_it(
    tokens: list[tuple[int, float]], probability: float
) -> None:
    assert first_word(written(*tokens), Tokenizer()) == pytest.approx(probability, rel=1e-4)


def test_words_that_are_ruled_out_take_nothing_from_it() -> None:
    found = written((0, 0.5))
    found.logits[0][0][0, 6:] = -np.inf
    share = 0.5 / (1 - 2 * 0.5 / 7)
    assert first_word(found, Tokenizer()) == pytest.approx(share, rel=1e-4)


@pytest.mark.parametrize("tokens", [[], [(6, 0.9), (2, 0.9), (7, 0.5)]])
def test_without_a_word_there_is_no_first(tokens: list[tuple[int, float]]) -> None:
    assert first_word(written(*tokens), Tokenizer()) is None


def test_logits_are_asked_for_only_while_they_are_wanted() -> None:
    class Model:
        is_multilingual = True

        def generate(self, features: str, *, return_logits_vocab: bool) -> Any:
            asked = return_logits_vocab
            return [SimpleNamespace(sequences_ids=[[0]], logits=[[1]] if asked else [])]

    model = WithLogits(Model())
    assert model.is_multilingual
    assert first_word(model.generate("sound")[0], Tokenizer()) is None
    model.wanted = True
    assert model.generate("sound")[0].logits
