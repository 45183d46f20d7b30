"""How probable the first word of a decode is, whatever comes after it.

The mean over all that Whisper writes does not tell it. Between its words it writes when they begin
and end, and of a sound that has only begun the end is a guess: one word, the mark after it and its
end have the word for a third of their mean. That weighs on Chinese most, a word of which is one
token.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .words import bare

_PART = "\N{REPLACEMENT CHARACTER}"
"""What a token is as text that is only some bytes of a character."""


class WithLogits:
    """CTranslate2's Whisper, which tells the logits of each token, too, while they are wanted.

    Args:
        model: The model, whose interface it has.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.wanted = False
        """They take 0.2 MB a token."""

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """Write a text."""
        return self._model.generate(*args, **kwargs, return_logits_vocab=self.wanted)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def first_word(written: Any, tokenizer: Any) -> float | None:
    """The probability of the first token with a letter or a figure in it, 0 to 1.

    Args:
        written: What CTranslate2 wrote, a ``WhisperGenerationResult``.
        tokenizer: The tokenizer of faster-whisper, which writes no times.

    Returns:
        None if there is no such token, or the logits were not asked for.
    """
    if not written.logits:
        return None
    for token, logits in zip(written.sequences_ids[0], written.logits[0], strict=False):
        text = tokenizer.decode([token])
        if bare(text) or _PART in text:
            row = np.asarray(logits, np.float32).ravel()
            row = row - row.max()
            return math.exp(float(row[token]) - math.log(float(np.exp(row).sum())))
    return None
