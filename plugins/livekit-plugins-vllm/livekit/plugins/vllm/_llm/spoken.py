"""The part of a reply that is spoken: whole sentences, and none without end."""

from __future__ import annotations

import re
from collections import Counter

# Ends of sentences; a Latin full stop only before a space, so that 3.14 and URLs stay whole.
_SENTENCE_END = re.compile(r"[。！？；…\n]+[”’」』）]*|[.!?]+[\"'”’)]*(?=\s)")
_COMPLETE = re.compile(r"[。！？；….!?][\"'”’」』）)]*\s*$")

# A reply that says one sentence a third time has lost its way. Shorter ones may be meant so
# ("Yes. Yes. Yes.").
_REPEATS = 3
_REPEATED_BYTES = 12  # four Chinese characters or two or three words


class SentenceLimit:
    """Ends a reply at the end of a sentence rather than in the middle of a word.

    Up to four fifths of the limit text passes at once. Beyond, it waits for the end of its
    sentence, and the first sentence that ends there is the last. One still open when the server's
    own limit strikes is left out, unless it is the only one. A sentence said a third time ends
    the reply too.

    Args:
        max_tokens: The reply's hard limit, which the server enforces; None for data, such as
            JSON, which has no sentences and passes whole.
    """

    def __init__(self, max_tokens: int | None) -> None:
        self._speech = max_tokens is not None
        self._soft = (max_tokens or 0) * 4 // 5
        self._sentence = ""  # the open sentence: first what has passed, then what is held
        self._passed = 0
        self._complete = 0
        self._said: Counter[str] = Counter()
        self.reached = False

    def feed(self, text: str, tokens: int) -> str:
        """The part of the text that may be spoken; ``reached`` tells that it was the last.

        Args:
            text: Text that the model wrote.
            tokens: Number of tokens in the reply so far.
        """
        if not self._speech:
            return text
        start = max(0, len(self._sentence) - 4)  # an end may span two chunks
        self._sentence += text
        out = ""
        while not self.reached and (end := _SENTENCE_END.search(self._sentence, start)):
            sentence, rest = self._sentence[: end.end()], self._sentence[end.end() :]
            out += sentence[self._passed :]
            self._sentence, self._passed, start = rest, 0, 0
            self._complete += bool(sentence.strip())
            self.reached = tokens >= self._soft or self._is_runaway(sentence.strip())
        if not self.reached and (tokens < self._soft or not self._complete):
            out += self._sentence[self._passed :]
            self._passed = len(self._sentence)
        return out

    def finish(self, *, cut_off: bool) -> str:
        """What is still held back, unless a limit cut it off."""
        held = "" if self.reached else self._sentence[self._passed :]
        self._passed = len(self._sentence)
        return "" if cut_off and not _COMPLETE.search(held) else held

    def _is_runaway(self, sentence: str) -> bool:
        if len(sentence.encode()) < _REPEATED_BYTES:
            return False
        self._said[sentence] += 1
        return self._said[sentence] >= _REPEATS
