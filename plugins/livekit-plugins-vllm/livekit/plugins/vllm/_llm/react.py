"""The notation of ReAct: what a model writes that was taught to act in its text.

    Thought: I need to look her up.
    Action: look_up
    Action Input: {"name": "Ada"}
    Observation: ...
    Final Answer: She is here.

Only the answer is speech. The labels are also written in Chinese, numbered ("Action 1:"), and in
one line with what is said before.
"""

from __future__ import annotations

import json
import re

from .text_calls import Call, Schemas, arguments_of

# By what they say, "action" is last: it begins "action input".
_NAMES = {
    "thought": r"thought|思考|想法",
    "action input": r"action input|行动输入|动作输入|工具输入",
    "observation": r"observation|观察|观察结果",
    "final answer": r"final answer|最终答案|最终回答",
    "action": r"action|tool|行动|动作|工具",
}
_LABEL = re.compile(
    r"(?:(?P<line>^|(?<=\n))|(?<=[.!?:。！？：])[ \t]{0,2})[ \t]*\**(?P<label>"
    + "|".join(_NAMES.values())
    + r")(?: \d{1,2})?\**[ \t]{0,8}[:：]\**[ \t]*",
    re.IGNORECASE,
)
_LABELS = tuple(f"{label}:" for names in _NAMES.values() for label in names.split("|"))
_INPUT = re.compile(
    rf"\s*\**(?:{_NAMES['action input']}|input|输入)(?: \d{{1,2}})?\**[ \t]{{0,8}}[:：]\**[ \t]*",
    re.I,
)
_LONGEST = 32  # with blanks and stars
_NAME = re.compile(r"\s*[`\"'*]*(?:functions\.)?([\w.-]+)")
_INPUT_END = re.compile(
    rf"\s[ \t]*\**(?:{'|'.join(_NAMES[kind] for kind in _NAMES if kind != 'action input')})"
    r"(?: \d{1,2})?\**[ \t]{0,8}[:：]",
    re.I,
)
# What ends a sentence, behind which an action may follow in the same line.
_SENTENCE_END = re.compile(r"[.!?:。！？：][ \t]{0,2}(?=[^.!?:。！？：]*$)")


def _kind(label: str) -> str:
    return next(kind for kind, names in _NAMES.items() if label.lower() in names.split("|"))


_ACTIONS = tuple(f"{label}:" for label in _NAMES["action"].split("|"))
# The beginning of a tool's name, in quotes or behind a blank.
_MAY_NAME = re.compile(r"\s*[`\"'*]*[\w.-]*")


def _may_label(text: str, labels: tuple[str, ...]) -> bool:
    """Whether a text may be the beginning of a label, its number or colon being yet to come."""
    begun = re.sub(r" \d{0,2}(?=:?$)", "", text.strip(" \t*").lower().replace("：", ":"))
    return any(label.startswith(begun) for label in labels)


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
        self._sentence_ended = False  # whether what was passed on ends a sentence
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
            kind = _kind(label["label"])
            begins = label["line"] is not None and (label.start() > 0 or self._at_line)
            ended = label["line"] is None or label.start() > 0 or self._sentence_ended
            if not begins and not (ended and kind == "action"):
                at = label.end()
                continue
            before = self._text[: label.start()]
            at = label.end()
            if kind == "thought" and not self._passed and not before.strip():
                self._aside = before
            elif kind == "final answer" and (self._aside is not None or not self._passed):
                self._aside, self._text, at = None, self._text[label.end() :], 0
            elif kind == "action":
                name = _NAME.match(self._text, label.end())
                known = name is not None and name.end() < len(self._text)
                if not known and not last and _MAY_NAME.fullmatch(self._text, label.end()):
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
                if not name and begins and not self._text[label.end() :].strip("` \t\r\n"):
                    # what was called has been taken out already
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
            if spoken.strip():
                self._sentence_ended = spoken.rstrip()[-1] in ".!?:。！？："
        self._passed = self._passed or bool(spoken.strip())
        return spoken

    def _hold(self) -> int:
        """How many characters at the end may be the beginning of a label."""
        line = self._text[self._text.rfind("\n") + 1 :]
        begins = "\n" in self._text or self._at_line
        if begins and len(line) <= _LONGEST and _may_label(line, _LABELS):
            return len(line)
        near = line[-_LONGEST - 4 :]  # all that may be held, however long the line is
        end = _SENTENCE_END.search(near)
        whole = line if self._sentence_ended and line == self._text else ""
        tail = near[end.end() :] if end else whole
        return len(tail) if tail and len(tail) <= _LONGEST and _may_label(tail, _ACTIONS) else 0

    def _read(self) -> None:
        """Read the call that was collected."""
        assert self._call is not None
        name = _NAME.match(self._call)
        assert name is not None  # it was seen
        rest = self._call[name.end() :].lstrip("`\"'* \t\r\n")
        if label := _INPUT.match(rest):
            rest = rest[label.end() :]
        end = _INPUT_END.search(rest)
        written = (rest[: end.start()] if end else rest).strip()
        arguments = arguments_of(written, self._tools[name.group(1)])
        if arguments is not None:
            self.calls.append((name.group(1), json.dumps(arguments, ensure_ascii=False)))
        self._call = None
