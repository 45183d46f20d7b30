"""Gives the library the expressions of a text that are left, each with the words beside it."""

from __future__ import annotations

import re

from . import library

# What the grammars know, or may: figures and their signs, titles and places that are abbreviated.
_ASKED = re.compile(
    r"\d|[$€£¥°%]|^(?:Dr|Mr|Mrs|Ms|Mt|Ft|Jr|Sr|Prof|Gen|Col|Capt|Lt|Sgt|Rev|Hon|Gov|Sen|Rep|St|Inc|Ltd|Co|Corp)\."
    r"|^(?:II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI)[.,;:!?)]*$"
)
_STATE = re.compile(r"[A-Z]{2}[,.]?$")
_CITY = re.compile("[A-Z].*,$")
_ZIP = re.compile(r"\s\d{5}")
_BLANKS = re.compile(r"(\s+)")
# An abbreviated street or a date has that many words beside its figure.
_NEIGHBOURS = 2


class Reader:
    """Reads what our rules leave of one text.

    Args:
        language: The language that the text is in.
        most: Characters that the library is asked about at most; figures beyond are read one by
            one, which takes a tenth of the time.
    """

    def __init__(self, language: library.Language, most: int) -> None:
        self._language = language
        self._left = most

    def read(self, text: str) -> str:
        """Returns a part of the text with what the library reads in words, the rest as it was."""
        parts = _BLANKS.split(text)
        words = range(0, len(parts), 2)
        asked = [n for n in words if _ASKED.search(parts[n]) or _is_state(parts, n)]
        said: list[str] = []
        done = 0
        for start, end in _windows(asked, len(parts)):
            if start < done:
                continue
            window = "".join(parts[start:end])
            self._left -= len(window)
            said += parts[done:start]
            said.append(_window(window, self._language) if self._left >= 0 else window)
            done = end
        return "".join(said + parts[done:])


def _is_state(parts: list[str], index: int) -> bool:
    """Whether a word is a state of an address: Springfield, IL."""
    return (
        index > 1
        and _CITY.match(parts[index - 2]) is not None
        # "Yes, ID please."
        and (index > 2 or _ZIP.match("".join(parts[index + 1 : index + 3])) is not None)
        and _STATE.match(parts[index]) is not None
        and (
            # "Well, CO2 is a gas": read as a name before.
            parts[index : index + 3 : 2] != ["CO", "two"]
        )
    )


def _windows(asked: list[int], end: int) -> list[tuple[int, int]]:
    """Returns where each expression begins and ends, with its neighbours, none overlapping."""
    found: list[tuple[int, int]] = []
    for index in asked:
        window = max(0, index - 2 * _NEIGHBOURS), min(end, index + 2 * _NEIGHBOURS + 1)
        if found and window[0] <= found[-1][1] and window[1] - found[-1][0] < 24:
            found[-1] = found[-1][0], window[1]
        else:
            found.append((max(window[0], found[-1][1] if found else 0), window[1]))
    return found


def _window(text: str, language: library.Language) -> str:
    said = library.read(text, language)
    if said is not None:
        return said
    # One word may be beyond the grammar: then each is read for itself.
    return "".join(
        (library.read(part, language) or part) if _ASKED.search(part) else part
        for part in _BLANKS.split(text)
    )
