"""The part of a reply that is spoken: whole sentences, and none without end."""

from __future__ import annotations

import re
from collections import Counter

from livekit import blingfire

# Ends of sentences; a Latin mark only before a space, so that 3.14 and URLs stay whole, and a full
# stop only before the next word, which tells an abbreviation from an end.
_SENTENCE_END = re.compile(r"[。！？；…\n]+[”’」』）]*|[.!?]+[\"'”’)]*(?=\s)")
_FULL_STOP = re.compile(r"(?<![.!?])\.[\"'”’)]*$")
_CONTEXT = 64  # characters before a full stop that tell what it means
_NEXT_WORD = re.compile(r"[^\S\n]*(?:\n|\S)")
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
        max_tokens: The reply's hard limit, which the server enforces; None for data such as JSON,
            which has no sentences and passes unchanged.
    """

    def __init__(self, max_tokens: int | None) -> None:
        self._speech = max_tokens is not None
        self._soft = (max_tokens or 0) * 4 // 5
        self._sentence = ""  # the open sentence: first what has passed, then what is held
        self._passed = 0
        self._searched = 0  # no sentence ends before it
        self._complete = 0
        self._said: Counter[str] = Counter()
        self.reached = False

    def feed(self, text: str, tokens: int) -> str:
        """Return the part of the text that may be spoken; ``reached`` says that it was the last.

        Args:
            text: Text that the model wrote.
            tokens: Number of tokens in the reply so far.
        """
        if not self._speech:
            return text
        self._sentence += text
        out = ""
        while not self.reached and (end := self._sentence_end()):
            sentence, rest = self._sentence[:end], self._sentence[end:]
            held = sentence[self._passed :]
            out += held
            self._sentence, self._passed = rest, max(0, self._passed - end)
            self._searched = 0
            self._complete += bool(sentence.strip())
            # What had passed as a whole ended before the limit, though only now it is known.
            late = bool(held) and tokens >= self._soft
            self.reached = late or self._is_runaway(sentence.strip())
        if not self.reached and (tokens < self._soft or not self._complete):
            out += self._sentence[self._passed :]
            self._passed = len(self._sentence)
        return out

    def finish(self, *, cut_off: bool) -> str:
        """Return what is still held back, unless a limit cut it off."""
        held = "" if self.reached else self._sentence[self._passed :]
        self._passed = len(self._sentence)
        return "" if cut_off and not _COMPLETE.search(held) else held

    def _sentence_end(self) -> int | None:
        """Where the open sentence ends, None if that is yet to come."""
        for match in _SENTENCE_END.finditer(self._sentence, self._searched):
            end = match.end()
            if _FULL_STOP.search(match.group()):
                self._searched = match.start()
                word = _NEXT_WORD.match(self._sentence, end)
                if not word:
                    return None
                if not word.group().endswith("\n") and not self._stops(end, word.end()):
                    continue
            return end
        self._searched = max(0, len(self._sentence) - 4)  # an end may span two chunks
        return None

    def _stops(self, end: int, known: int) -> bool:
        """Whether the full stop before `end` ends a sentence rather than an abbreviation."""
        start = max(0, end - _CONTEXT)
        text = self._sentence[start:known]
        _, spans = blingfire.text_to_sentences_with_offsets(text)
        return any(start + stop == end for _, stop in spans)

    def _is_runaway(self, sentence: str) -> bool:
        if len(sentence.encode()) < _REPEATED_BYTES:
            return False
        self._said[sentence] += 1
        return self._said[sentence] >= _REPEATS
