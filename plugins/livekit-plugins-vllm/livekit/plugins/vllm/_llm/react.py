"""The notation of ReAct: what a model writes that was taught to act in its text.

    Thought: I need to look her up.
    Action: look_up
    Action Input: {"name": "Ada"}
    Observation: ...
    Final Answer: She is here.

Only the answer is speech.
"""

from __future__ import annotations

import json
import re

from .text_calls import Call, Schemas, arguments_of

_LABEL = re.compile(
    r"(?:^|(?<=\n))[ \t]*\**(thought|action input|action|observation|final answer)\**[ \t]*:"
    r"\**[ \t]*",
    re.IGNORECASE,
)
_LABELS = ("thought:", "action input:", "action:", "observation:", "final answer:")
_LONGEST = 32  # with blanks and stars
_NAME = re.compile(r"\s*[`\"'*]*(?:functions\.)?([\w.-]+)")
_INPUT_END = re.compile(r"\n[ \t]*\**(?:thought|observation|final answer|action)\**[ \t]*:", re.I)


class ReAct:
    """Takes thoughts, actions and observations out of streamed text.

    Args:
        tools: The tools on offer: an action is one that names a tool.
    """

    def __init__(self, tools: Schemas) -> None:
        self._tools = tools
        self._text = ""
        self._seen = 0  # no label begins before it
        self._aside: str | None = None  # a thought, in case it was none
        self._call: str | None = None  # everything since an action began
        self._passed = False
        self._at_line = True  # whether what is pending begins a line
        self.calls: list[Call] = []

    def feed(self, text: str, *, last: bool = False) -> str:
        """Return the part of the text that is speech.

        Args:
            text: More text.
            last: Whether it is the last.
        """
        if self._call is not None:
            self._call += text
            if last:
                self._read()
            return ""
        self._text += text
        out = ""
        at = self._seen
        while label := _LABEL.search(self._text, at):
            if label.start() == 0 and not self._at_line:
                at = label.end()
                continue
            kind = label.group(1).lower()
            before = self._text[: label.start()]
            at = label.end()
            if kind == "thought" and not self._passed and not before.strip():
                self._aside = before
            elif kind == "final answer" and (self._aside is not None or not self._passed):
                self._aside, self._text, at = None, self._text[label.end() :], 0
            elif kind == "action":
                name = _NAME.match(self._text, label.end())
                known = name is not None and name.end() < len(self._text)
                if not known and not last:
                    out += self._speak(label.start())
                    self._seen = 0
                    return out
                if name and name.group(1) in self._tools:
                    self._call = self._text[label.end() :]
                    out += self._speak(label.start())
                    self._text, self._aside = "", None
                    if last:
                        self._read()
                    return out
                if not name:  # what was called has been taken out already
                    out += self._speak(label.start())
                    self._text, self._aside = "", None
        if last:
            self._aside = None
            spoken, self._text = self._text, ""
            return out + spoken
        held = self._hold()
        out += self._speak(len(self._text) - held)
        self._seen = len(self._text) - held
        return out

    def _speak(self, end: int) -> str:
        """Pass on what comes before a place, unless it is a thought."""
        if self._aside is not None:
            return ""
        spoken, self._text = self._text[:end], self._text[end:]
        if spoken:
            self._at_line = spoken.endswith("\n")
        self._passed = self._passed or bool(spoken.strip())
        return spoken

    def _hold(self) -> int:
        """How many characters at the end may be the beginning of a label."""
        line = self._text[self._text.rfind("\n") + 1 :]
        if len(line) > _LONGEST or ("\n" not in self._text and not self._at_line):
            return 0
        begun = line.strip(" \t*").lower()
        return len(line) if any(label.startswith(begun) for label in _LABELS) else 0

    def _read(self) -> None:
        """Read the call that was collected."""
        assert self._call is not None
        name = _NAME.match(self._call)
        assert name is not None  # it was seen
        rest = self._call[name.end() :].lstrip("`\"'* \t\r\n")
        label = _LABEL.match(rest)
        if label and label.group(1).lower() == "action input":
            rest = rest[label.end() :]
        end = _INPUT_END.search(rest)
        written = (rest[: end.start()] if end else rest).strip()
        arguments = arguments_of(written, self._tools[name.group(1)])
        if arguments is not None:
            self.calls.append((name.group(1), json.dumps(arguments, ensure_ascii=False)))
        self._call = None
