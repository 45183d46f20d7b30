"""Where a thought ends, with the thoughts inside it."""

from __future__ import annotations

import re

NAMES = (
    r"(?:(?:[a-z]{1,12}[:_])?think(?:ing)?(?:_process)?|(?:inner_)?thoughts?|reason(?:ing)?"
    r"|reflection|analysis|(?:internal|inner)_monologue|scratchpad|antthinking)"
)
# The same between other brackets: "<|think|>", Cohere's "<|START_THINKING|>", Gemma's "<|channel>".
_OTHER_OPENED = (
    rf"<\|(?:begin_of_|start_)?{NAMES}\|>|<\|channel>(?:thought|analysis)\n"
    r"|<unused94>(?:thought\n)?"
)
OPENED = rf"<{NAMES}(?:\s[^<>/]{{0,60}})?>|◁think▷|\[THINK\]|{_OTHER_OPENED}"
CLOSED = (
    rf"</{NAMES}\s*>|◁/think▷|\[/THINK\]|<\|(?:/|end_of_|end_){NAMES}\|>"
    rf"|<channel\|>|<unused95>"
)
# The end first: "<|END_THINKING|>" also reads as the beginning of an "end_thinking".
_EITHER = re.compile(rf"(?P<close>{CLOSED})|(?P<open>{OPENED})", re.IGNORECASE)
_LONGEST_MARK = 100
_WORD = re.compile(r"[a-z]+(?:[_:][a-z]+)*")
_SIDE = re.compile(r"^(?:begin_of_|start_|end_of_|end_)")


class OpenThought:
    """A thought that has begun. It ends when those that began in it have ended, too.

    Args:
        mark: The mark that opened it.
    """

    def __init__(self, mark: str) -> None:
        self._open = [_name(mark)]
        self._at = 0  # how far it was read
        self._first_end: int | None = None
        self._end: int | None = None
        self.text = ""
        """What came since it began."""

    def feed(self, text: str) -> bool:
        """Take text; return whether the thought has ended in it."""
        self.text += text
        for mark in _EITHER.finditer(self.text, self._at):
            self._at = mark.end()
            if mark.lastgroup == "open":
                self._open.append(_name(mark.group()))
                continue
            self._first_end = self._first_end or mark.end()
            self._close(_name(mark.group()))
            if not self._open:
                self._end = mark.end()
                return True
        self._at = max(self._at, len(self.text) - _LONGEST_MARK)
        return False

    @property
    def rest(self) -> str:
        """What came after its end."""
        return self.text[self._end :] if self._end is not None else ""

    @property
    def after_first_end(self) -> str | None:
        """What came after the first end of a thought, be it of one inside; None if none did.

        A thought can speak of the mark of thoughts, which nothing closes.
        """
        return self.text[self._first_end :] if self._first_end is not None else None

    def _close(self, name: str) -> None:
        if name not in self._open:
            self._open.pop()
            return
        while self._open.pop() != name:
            pass  # what was left open in it ends with it


def _name(mark: str) -> str:
    """What both marks of one kind have in common."""
    word = _WORD.search(mark.lower())
    return _SIDE.sub("", word.group()) if word else ""
