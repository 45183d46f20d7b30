"""What of a model's text is speech: not its thoughts, its calls, or the marks of its template.

A server started with the right parsers sends none of these in the text. One that was not sends
them in the notation that the model was trained on, in pieces that end anywhere.
"""

from __future__ import annotations

import re

from ..log import logger
from . import notations, thoughts
from .react import ReAct
from .text_calls import Call, Schemas, calls_in


class SpeechFilter:
    """Passes on the part of streamed text that is to be spoken, wherever a chunk ends.

    Args:
        open: The prompt itself ends inside a thought, as templates of models that always think
            do: everything up to the closing mark is thought. If none comes, it was speech after
            all.
        tools: The tools on offer. A call in the text that names one is collected in ``calls``;
            without tools only the marks of a call tell it from speech.
        data: The reply is data, such as JSON: only thoughts are taken out.
    """

    def __init__(
        self, *, open: bool = False, tools: Schemas | None = None, data: bool = False
    ) -> None:
        self._tools: Schemas = {} if data else tools or {}
        self._data = data
        self._buffer = ""
        self._framed = False  # whether the answer began with a mark of its own
        self._passed = False  # whether anything was passed on
        self._prompted = open
        self._thought = thoughts.OpenThought("<think>") if open else None
        self._dropped = ""  # what stood before a closing mark, in case nothing comes after it
        self._until: re.Pattern[str] | None = None  # the end of what is no speech
        self._collected: str | None = None  # of a call, or of a header
        self._kind = ""
        self._waiting = False  # whether the buffer begins with a call that is not closed
        self.calls: list[Call] = []
        self.closed_unopened = False
        """Whether a thought was closed that the text had not opened."""
        self.stayed_open = False
        """Whether the thought that the prompt had opened was never closed."""

        self._marks = notations.DATA_MARK if data else notations.MARK
        names = "|".join(map(re.escape, sorted(self._tools, key=len, reverse=True)))
        written = re.compile(rf"(?<![\w.]){notations.BEFORE_PYTHON}(?:functions\.)?(?:{names})\(")
        tagged = re.compile(rf"<(?:{names})(?:\s+[\w-]+=[^<>]{{0,200}})?\s*/?>")
        paired = re.compile(rf"<(?:tool|tool_name)>\s*(?:{names})")
        self._bare_calls = [notations.OBJECT, written, tagged, paired] if names else []
        self._react = ReAct(self._tools) if names else None

    def settle(self) -> None:
        """Reasoning arrived in its own field: the server takes the thought out itself."""
        if self._prompted and self._thought and not self._thought.text:
            self._thought = None

    def feed(self, text: str) -> str:
        """The part of the text that can be spoken already."""
        if self._thought is not None:
            if not self._thought.feed(text):
                return ""
            text, self._thought = self._thought.rest, None
            if self._prompted:
                text, self.closed_unopened = text.lstrip(), True
        self._prompted = False
        self._buffer += text
        if self._waiting and not notations.CLOSING.search(text):
            return ""  # a long call is not read anew with every piece
        return self._spoken(self._advance(last=False))

    def finish(self, *, cut_off: bool) -> str:
        """What was held back only in case a mark followed.

        Args:
            cut_off: A limit ended the text, so an open thought is one that did not finish.
        """
        thought, self._thought = self._thought, None
        if thought is not None:
            after = thought.after_first_end
            if self._prompted:
                self.stayed_open = bool(thought.text) and after is None
                self.closed_unopened = after is not None
                after = thought.text if after is None else after.lstrip()
            if after and not cut_off:
                self._buffer = after
        out = self._advance(last=True)
        if self._collected is not None and self._kind == "call":
            self._call_ended(self._collected + self._buffer, whole=not cut_off)
        self._buffer = ""
        spoken = self._spoken(out, last=True)
        if not self._passed and not self.calls and not cut_off:
            return self._dropped  # a stray mark at the end, not the end of a thought
        return spoken

    def _spoken(self, text: str, *, last: bool = False) -> str:
        self._passed = self._passed or bool(text.strip())
        if self._react is None:
            return text
        spoken = self._react.feed(text, last=last)
        self._found(self._react.calls)
        return spoken

    def _advance(self, *, last: bool) -> str:
        out = ""
        self._waiting = False
        while True:
            if self._thought is not None:
                if not self._thought.feed(self._buffer):
                    after = self._thought.after_first_end if last else None
                    self._buffer = after or ""
                    if after is None:
                        return out
                else:
                    self._buffer = self._thought.rest
                self._thought = None
                continue
            if self._until is not None:
                if not self._skip(last):
                    return out
                continue
            if not self._passed and not out and notations.BARE_ANALYSIS.match(self._buffer):
                end = self._buffer.find(notations.BARE_FINAL)
                if end < 0:
                    self._buffer = "" if last else self._buffer
                    return out
                self._buffer = self._buffer[end + len(notations.BARE_FINAL) :]
                continue
            mark = self._marks.search(self._buffer)
            if begin := self._bare_call(mark.start() if mark else len(self._buffer)):
                out += self._buffer[: begin.start()]
                self._buffer = self._buffer[begin.start() :]
                closed = notations.call_end(self._buffer)
                if closed is None and not last:
                    self._waiting = True
                    return out
                written, self._buffer = _cut(self._buffer, closed or len(self._buffer))
                out += self._unless_call(written)
                continue
            if mark is None:
                held = 0 if last else self._hold()
                passed, self._buffer = _cut(self._buffer, len(self._buffer) - held)
                return out + passed
            before, self._buffer = self._buffer[: mark.start()], self._buffer[mark.end() :]
            out = self._marked(mark, out + before)

    def _marked(self, mark: re.Match[str], out: str) -> str:
        match mark.lastgroup:
            case "thought":
                self._thought = thoughts.OpenThought(mark.group())
            case "thought_end":
                # What was not passed on yet was thought; the rest cannot be taken back.
                self.closed_unopened = True
                self._dropped += out
                self._buffer = self._buffer.lstrip()
                return ""
            case "call":
                function = (
                    re.match(r"<(?:function[=(\s]|(?:[a-z]+:)?invoke)", mark.group()) is not None
                )
                end = notations.FUNCTION_END if function else notations.CALL_END
                self._begin("call", notations.NEVER if "[" in mark.group() else end)
                self._collected = mark.group() if function else ""
            case "next":
                self._begin("other", notations.NEVER)  # the model plays the next turn, too
            case "frame":
                # Around all of the answer; elsewhere a word like any other.
                closing = mark.group().startswith("</")
                if not (self._framed if closing else not self._passed and not out.strip()):
                    return out + mark.group()
                self._framed = True
            case "header":
                self._begin("header", notations.HEADER_END)
                self._collected = mark.group()
        return out

    def _begin(self, kind: str, until: re.Pattern[str]) -> None:
        self._kind, self._until, self._collected = kind, until, None

    def _skip(self, last: bool) -> bool:
        """Take what is no speech; whether its end has been reached."""
        assert self._until is not None
        end = self._until.search(self._buffer)
        if end is None:
            keep = 0 if last else notations.LONGEST_MARK
            taken, self._buffer = _cut(self._buffer, max(0, len(self._buffer) - keep))
            if self._collected is not None:
                self._collected += taken
            return False
        taken = self._buffer[: end.start()]
        collected, kind = self._collected, self._kind
        self._until, self._collected = None, None
        if kind == "harmony":
            # The next channel's mark is read as what it is.
            self._buffer = self._buffer[end.start() :]
            return True
        self._buffer = self._buffer[end.end() :]
        if kind == "header":
            self._header((collected or "") + taken)
        elif kind == "call":
            close = end.group() if end.re is notations.FUNCTION_END else ""
            self._call_ended((collected or "") + taken + close, whole=True)
            self._buffer = self._buffer.lstrip("\n")
        return True

    def _header(self, header: str) -> None:
        """Who speaks next, to whom and in which channel."""
        said = header.lower()
        recipient = re.search(r"to=(?:functions\.)?([\w.-]+)", header)
        if recipient:
            self._begin("call", notations.CALL_END)
            self._collected = f"{recipient.group(1)} "
        elif "analysis" in said:
            self._begin("harmony", notations.HARMONY_END)
        elif re.search(
            r"(?:start|im_start|start_of_turn|header_id)(?:\|?>)?\s*(?:user|tool|system)", said
        ):
            self._begin("other", notations.NEVER)  # the model plays the next turn, too

    def _bare_call(self, before: int) -> re.Match[str] | None:
        """Where a call without marks begins, if there is one before this place."""
        found = (p.search(self._buffer, 0, before) for p in self._bare_calls)
        return min((m for m in found if m), key=lambda m: m.start(), default=None)

    def _unless_call(self, written: str) -> str:
        """What looked like a call as speech, or nothing if it is one."""
        found = calls_in(written, self._tools)
        if found:
            self._found(found)
            if written.startswith("```"):
                self._begin("fence", notations.FENCE)
        elif written.startswith("<") or (
            notations.balanced(written) is None and notations.OBJECT.match(written)
        ):
            logger.warning("call that cannot be read left out of the speech")
        else:
            return written
        return ""

    def _hold(self) -> int:
        """How many characters at the end may be the beginning of a mark or of a call."""
        end = self._buffer[-200:]
        begun = [notations.MARK_BEGUN.search(end)]
        if not self._passed and len(self._buffer) <= len("analysis"):
            begun.append(re.match("a", end) if "analysis".startswith(end) else None)
        if self._tools:
            begun += [notations.OBJECT_BEGUN.search(end), notations.FENCE_BEGUN.search(end)]
            python = notations.PYTHON_BEGUN.search(end)
            name = re.search(r"[\w.-]*$", python.group()) if python else None
            if name and self._begins_call(name.group(), "await", "print"):
                begun.append(python)
            tag = re.search(r"<([\w.-]*)(\s[^<>]*)?$", end)
            if tag and (tag[1] in self._tools if tag[2] else self._begins_call(tag[1])):
                begun.append(tag)
            begun.append(re.search(r"<tool(?:_name)?>\s{0,3}[\w.-]*(?:</?[a-z_]*)?$", end))
            word = re.search(r"(?<![\w.-])[\w.-]+$", end)
            if word and self._begins_call(word.group()):
                begun.append(word)
        return max((len(end) - m.start() for m in begun if m), default=0)

    def _begins_call(self, word: str, *others: str) -> bool:
        name = word.removeprefix(notations.NAMESPACE)
        known = (notations.NAMESPACE, "functools", *others)
        return any(other.startswith(word) for other in known) or any(
            tool.startswith(name) for tool in self._tools
        )

    def _call_ended(self, written: str, *, whole: bool) -> None:
        self._collected, self._until = None, None
        found = calls_in(written, self._tools)
        if found:
            self._found(found)
        else:
            logger.warning(
                "call in the text left out",
                extra={"whole": whole, "characters": len(written), "tools": len(self._tools)},
            )

    def _found(self, calls: list[Call]) -> None:
        self.calls += [call for call in calls if call not in self.calls]


def _cut(text: str, at: int) -> tuple[str, str]:
    return text[:at], text[at:]
