"""What of a model's text is speech: not its thoughts, its calls, or the marks of its template.

A server started with the right parsers sends none of these in the text. One that was not sends
them in the notation that the model was trained on, in pieces that end anywhere.
"""

from __future__ import annotations

import re
from typing import Any

from ..log import logger
from . import thoughts
from .react import ReAct
from .text_calls import Call, Schemas, calls_in

_CALL = (
    r"(?:(?:[a-z]{1,12}[:_])?tool_calls?|toolcalls?|function_calls?|tool_code|tool_use"
    r"|use_tool|use_mcp_tool|execute|action)"
)
# One group for each kind of mark; the earliest in the text decides what follows it.
_MARK = re.compile(
    rf"(?P<thought>{thoughts.OPENED})"
    rf"|(?P<thought_end>{thoughts.CLOSED})"
    rf"|(?P<call><{_CALL}>|<(?:function(?:=|\s+name=\"|\()|(?:[a-z]{{1,12}}:)?invoke\s+name=\")[^<>]{{1,80}}>"
    r"|\[TOOL_CALLS\]|<\|tool_calls?(?:_start|_section_begin|_begin)?\|>|<\|tool_call>"
    r"|<\|(?:python_tag|start_action|action_start)\|>|<start_function_call>"
    r"|<｜tool▁calls?▁begin｜>|<｜DSML｜function_calls>)"
    r"|(?P<header><\|channel\|>|<\|start\|>|<\|start_header_id\|>|<\|im_start\|>|<start_of_turn>)"
    r"|(?P<end><\|(?:im_end|eot_id|eom_id|end|return|endoftext|end_of_text)\|>|</s>|<eos>"
    r"|<end_of_turn>|<｜end▁of▁sentence｜>|\[/INST\]|<\|call\|>|<turn\|>)"
    r"|(?P<next><\|(?:user|observation)\|>)"
    rf"|(?P<token><\|/?[A-Za-z_0-9]{{1,40}}\|>|</?｜[^<>｜]{{1,40}}｜>|\[INST\]|</{_CALL}>|<bos>|<pad>"
    rf"|<{thoughts.NAMES}\s*/>|</?tools>|</tool>"
    r"|</(?:function|invoke|parameter)>|<\|turn>model\n)"
    r"|(?P<frame></?(?:final_)?(?:answer|response)>)",
    re.IGNORECASE,
)
_DATA_MARK = re.compile(
    rf"(?P<thought><{thoughts.NAMES}>|◁think▷)|(?P<thought_end></{thoughts.NAMES}\s*>|◁/think▷)",
    re.IGNORECASE,
)
# The end of what may yet become a mark.
_MARK_BEGUN = re.compile(
    rf"(?:<(?:/?[a-z_:]{{0,24}}\s?/?|{thoughts.NAMES}\s[^<>]{{0,60}}"
    r"|/?(?:function[=(\s]|(?:[a-z]{1,12}:)?invoke\s)[^<>\n]{0,90}|unused9[45]?|channel\|?|turn\|?"
    r"|/?[|｜][^<>\n]{0,60}|unused94>(?:t|th|tho|thou|thoug|though|thought)?"
    r"|\|(?:channel|turn)>[a-z]{0,8})?|◁[/a-z]{0,6}|\[(?:/?[a-z_]{0,11}))$",
    re.IGNORECASE,
)
_HARMONY_END = re.compile(r"<\|(?:end|return|start|channel)\|>", re.IGNORECASE)
_HEADER_END = re.compile(r"<\|message\|>|<\|end_header_id\|>|\n", re.IGNORECASE)
_CALL_END = re.compile(
    rf"</{_CALL}>|<\|tool_calls?(?:_end|_section_end)\|>|<\|/tool_call\|>|<tool_call\|>"
    r"|<\|(?:end_action|action_end)\|>|<end_function_call>|</｜DSML｜function_calls>"
    r"|<｜tool▁calls▁end｜>|<\|(?:call|eom_id|eot_id|im_end|end)\|>",
    re.IGNORECASE,
)
_FUNCTION_END = re.compile(r"</(?:function|(?:[a-z]{1,12}:)?invoke)>")
_FENCE = re.compile("```")
# The arguments of a call behind its name, or the beginning of their tag.
_GIVEN = re.compile(
    r"\s*(?:<(?:(arguments|args|parameters|params|input|tool_input|tool_args)>|[a-z_]{0,12}$)?)"
    r"|\s*"
)
_CLOSING = re.compile(r"[>)\]}]")
_NEVER = re.compile(r"(?!)")
_LONGEST_MARK = 100

# A template that strips the marks of its channels leaves their names in one piece with the words.
_BARE_ANALYSIS = re.compile(r"analysis(?=[A-Z])")
_BARE_FINAL = "assistantfinal"
# Harmony's and Kimi's tools live in a namespace.
_NAMESPACE = "functions."
_ONLY_KEYS = (
    r"\"(?:name|tool|tool_name|function|function_name|type|id|arguments|parameters|tool_calls"
    r"|action)\""
)
_BEFORE = r"(?:```\w*\s*)?(?:functools)?\[?\s*\{\s*"
_OBJECT_BEGUN = re.compile(_BEFORE + r"(?:\"[a-z_]*|" + _ONLY_KEYS + r"\s*)?$")
_OBJECT = re.compile(_BEFORE + _ONLY_KEYS + r"\s*:", re.S)
_FENCE_BEGUN = re.compile(r"(?:`{1,3}\w{0,10}\s{0,3}\[?|(?:functools)?\[|\bfunctools)\s{0,3}$")
# What stands before a call that is written as in Python.
_CODE = r"(?:```(?:tool_code|tool_call|python)\s{0,3})"
_BEFORE_PYTHON = _CODE + r"?(?:\[\s{0,3})?(?:await\s{1,3})?(?:print\()?"
_PYTHON_BEGUN = re.compile(
    _CODE + r"(?:\[\s{0,3})?(?:await\s{0,3})?(?:print\(?)?(?:functions\.)?[\w.-]*$"
    r"|\[\s{0,3}(?:functions\.)?[\w.-]*$|\bawait\s{1,3}[\w.-]*$|\bprint\([\w.-]*$"
)


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

        self._marks = _DATA_MARK if data else _MARK
        names = "|".join(map(re.escape, sorted(self._tools, key=len, reverse=True)))
        written = re.compile(rf"(?<![\w.]){_BEFORE_PYTHON}(?:functions\.)?(?:{names})\(")
        tagged = re.compile(rf"<(?:{names})(?:\s+[\w-]+=[^<>]{{0,200}})?\s*/?>")
        paired = re.compile(rf"<(?:tool|tool_name)>\s*(?:{names})")
        self._bare_calls = [_OBJECT, written, tagged, paired] if names else []
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
        if self._waiting and not _CLOSING.search(text):
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
            if not self._passed and not out and _BARE_ANALYSIS.match(self._buffer):
                end = self._buffer.find(_BARE_FINAL)
                if end < 0:
                    self._buffer = "" if last else self._buffer
                    return out
                self._buffer = self._buffer[end + len(_BARE_FINAL) :]
                continue
            mark = self._marks.search(self._buffer)
            if begin := self._bare_call(mark.start() if mark else len(self._buffer)):
                out += self._buffer[: begin.start()]
                self._buffer = self._buffer[begin.start() :]
                closed = _call_end(self._buffer)
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
                end = _FUNCTION_END if function else _CALL_END
                self._begin("call", _NEVER if "[" in mark.group() else end)
                self._collected = mark.group() if function else ""
            case "next":
                self._begin("other", _NEVER)  # the model plays the next turn, too
            case "frame":
                # Around all of the answer; elsewhere a word like any other.
                closing = mark.group().startswith("</")
                if not (self._framed if closing else not self._passed and not out.strip()):
                    return out + mark.group()
                self._framed = True
            case "header":
                self._begin("header", _HEADER_END)
                self._collected = mark.group()
        return out

    def _begin(self, kind: str, until: re.Pattern[str]) -> None:
        self._kind, self._until, self._collected = kind, until, None

    def _skip(self, last: bool) -> bool:
        """Take what is no speech; whether its end has been reached."""
        assert self._until is not None
        end = self._until.search(self._buffer)
        if end is None:
            keep = 0 if last else _LONGEST_MARK
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
            close = end.group() if end.re is _FUNCTION_END else ""
            self._call_ended((collected or "") + taken + close, whole=True)
            self._buffer = self._buffer.lstrip("\n")
        return True

    def _header(self, header: str) -> None:
        """Who speaks next, to whom and in which channel."""
        said = header.lower()
        recipient = re.search(r"to=(?:functions\.)?([\w.-]+)", header)
        if recipient:
            self._begin("call", _CALL_END)
            self._collected = f"{recipient.group(1)} "
        elif "analysis" in said:
            self._begin("harmony", _HARMONY_END)
        elif re.search(
            r"(?:start|im_start|start_of_turn|header_id)(?:\|?>)?\s*(?:user|tool|system)", said
        ):
            self._begin("other", _NEVER)  # the model plays the next turn, too

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
                self._begin("fence", _FENCE)
        elif written.startswith("<") or (_balanced(written) is None and _OBJECT.match(written)):
            logger.warning("call that cannot be read left out of the speech")
        else:
            return written
        return ""

    def _hold(self) -> int:
        """How many characters at the end may be the beginning of a mark or of a call."""
        end = self._buffer[-200:]
        begun = [_MARK_BEGUN.search(end)]
        if not self._passed and len(self._buffer) <= len("analysis"):
            begun.append(re.match("a", end) if "analysis".startswith(end) else None)
        if self._tools:
            begun += [_OBJECT_BEGUN.search(end), _FENCE_BEGUN.search(end)]
            python = _PYTHON_BEGUN.search(end)
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
        name = word.removeprefix(_NAMESPACE)
        known = (_NAMESPACE, "functools", *others)
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


def _call_end(text: str) -> int | None:
    """Where a call without marks of its own ends; None if that is yet to come."""
    tag = re.match(r"<([\w.-]+)[^<>]*?(/?)>", text)
    if tag is None:
        return _balanced(text)
    if tag.group(2):
        return tag.end()
    end = text.find(closing := f"</{tag.group(1)}>", tag.end())
    if end < 0 or tag.group(1) not in ("tool", "tool_name"):
        return end + len(closing) if end >= 0 else None
    end += len(closing)
    given = _GIVEN.match(text, end)
    assert given
    if given.end() == len(text):
        return None  # its arguments may be yet to come
    close = text.find(f"</{given[1]}>", given.end()) if given[1] else -1
    return close + len(given[1]) + 3 if close >= 0 else None if given[1] else end


def _balanced(text: str) -> int | None:
    """Where the first brackets are closed again; None if they are not."""
    depth = 0
    quote = ""
    escaped = False
    for at, c in enumerate(text):
        if escaped:
            escaped = False
        elif quote:
            if c == "\\":
                escaped = True
            elif c == quote:
                quote = ""
        elif (c == '"' and depth) or (c == "'" and depth and text[at - 1] in "=([{,: "):
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth <= 0:
                return at + 1
    return None


def schemas_of(tools: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parameters of each tool, from the schemas of a request."""
    functions = [tool.get("function") or {} for tool in tools]
    return {f["name"]: f.get("parameters") or {} for f in functions if f.get("name")}
