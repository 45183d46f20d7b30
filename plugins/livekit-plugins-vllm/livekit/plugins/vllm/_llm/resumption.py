"""Going on with a reply that broke off, on a server that may not know how to."""

from __future__ import annotations

# Letters at the beginning that no continuation has by chance in common with the whole.
_TELLING = 8


class Resumption:
    """What is new in the continuation of a text.

    A server that does not know ``continue_final_message`` begins the reply anew instead. What was
    said is then left out. One that begins anew in other words cannot be joined: ``begun_anew``
    tells so, and nothing more is passed on.

    Args:
        said: What was passed on before, which the server was asked to go on with.
    """

    def __init__(self, said: str) -> None:
        self._said = _letters(said)
        self._tail = said[_last_letter(said) + 1 :]
        self._held: str | None = "" if self._said else None
        self.begun_anew = False

    @property
    def nothing_new(self) -> bool:
        """Whether all that was said has come once more, and nothing else."""
        return self._held is not None and bool(self._said) and _letters(self._held) == self._said

    def feed(self, text: str) -> str:
        """The part of the text that goes on."""
        if self._held is None:
            return text
        self._held += text
        letters = _letters(self._held)
        if len(letters) <= len(self._said) and self._said.startswith(letters):
            return ""
        held, self._held = self._held, None
        common = _common(letters, self._said)
        if common == len(self._said):
            return self._after(held)
        self.begun_anew = common >= min(_TELLING, max(3, len(self._said) // 2))
        return "" if self.begun_anew else held

    def finish(self) -> str:
        """What goes on once the text has ended: nothing of what was held is new."""
        held, self._held = self._held or "", None
        return self._after(held) if len(_letters(held)) >= len(self._said) else ""

    def _after(self, text: str) -> str:
        """The text without its beginning that was said already, with its marks."""
        left = len(self._said)
        at = 0
        while left and at < len(text):
            left -= len(_letters(text[at]))
            at += 1
        rest, tail = text[at:], self._tail.strip()
        return rest[len(tail) :] if tail and rest.startswith(tail) else rest


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _last_letter(text: str) -> int:
    return max((at for at, c in enumerate(text) if c.isalnum()), default=-1)


def _common(a: str, b: str) -> int:
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
