"""How models write calls, thoughts and turns into their text: the notations of their templates."""

from __future__ import annotations

import re

from . import thoughts

_CALL = (
    r"(?:(?:[a-z]{1,12}[:_])?tool_calls?|toolcalls?|function_calls?|tool_code|tool_use"
    r"|use_tool|use_mcp_tool|execute|action)"
)
# One group for each kind of mark; the earliest in the text decides what follows it.
MARK = re.compile(
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
DATA_MARK = re.compile(
    rf"(?P<thought><{thoughts.NAMES}>|◁think▷)|(?P<thought_end></{thoughts.NAMES}\s*>|◁/think▷)",
    re.IGNORECASE,
)
# The end of what may yet become a mark.
MARK_BEGUN = re.compile(
    rf"(?:<(?:/?[a-z_:]{{0,24}}\s?/?|{thoughts.NAMES}\s[^<>]{{0,60}}"
    r"|/?(?:function[=(\s]|(?:[a-z]{1,12}:)?invoke\s)[^<>\n]{0,90}|unused9[45]?|channel\|?|turn\|?"
    r"|/?[|｜][^<>\n]{0,60}|unused94>(?:t|th|tho|thou|thoug|though|thought)?"
    r"|\|(?:channel|turn)>[a-z]{0,8})?|◁[/a-z]{0,6}|\[(?:/?[a-z_]{0,11}))$",
    re.IGNORECASE,
)
HARMONY_END = re.compile(r"<\|(?:end|return|start|channel)\|>", re.IGNORECASE)
HEADER_END = re.compile(r"<\|message\|>|<\|end_header_id\|>|\n", re.IGNORECASE)
CALL_END = re.compile(
    rf"</{_CALL}>|<\|tool_calls?(?:_end|_section_end)\|>|<\|/tool_call\|>|<tool_call\|>"
    r"|<\|(?:end_action|action_end)\|>|<end_function_call>|</｜DSML｜function_calls>"
    r"|<｜tool▁calls▁end｜>|<\|(?:call|eom_id|eot_id|im_end|end)\|>",
    re.IGNORECASE,
)
FUNCTION_END = re.compile(r"</(?:function|(?:[a-z]{1,12}:)?invoke)>")
FENCE = re.compile("```")
# The arguments of a call behind its name, or the beginning of their tag.
_GIVEN = re.compile(
    r"\s*(?:<(?:(arguments|args|parameters|params|input|tool_input|tool_args)>|[a-z_]{0,12}$)?)"
    r"|\s*"
)
CLOSING = re.compile(r"[>)\]}]")
NEVER = re.compile(r"(?!)")
LONGEST_MARK = 100

# A template that strips the marks of its channels leaves their names in one piece with the words.
BARE_ANALYSIS = re.compile(r"analysis(?=[A-Z])")
BARE_FINAL = "assistantfinal"
# Harmony's and Kimi's tools live in a namespace.
NAMESPACE = "functions."
_ONLY_KEYS = (
    r"\"(?:name|tool|tool_name|function|function_name|type|id|arguments|parameters|tool_calls"
    r"|action)\""
)
_BEFORE = r"(?:```\w*\s*)?(?:functools)?\[?\s*\{\s*"
OBJECT_BEGUN = re.compile(_BEFORE + r"(?:\"[a-z_]*|" + _ONLY_KEYS + r"\s*)?$")
OBJECT = re.compile(_BEFORE + _ONLY_KEYS + r"\s*:", re.S)
FENCE_BEGUN = re.compile(r"(?:`{1,3}\w{0,10}\s{0,3}\[?|(?:functools)?\[|\bfunctools)\s{0,3}$")
# What stands before a call that is written as in Python.
_CODE = r"(?:```(?:tool_code|tool_call|python)\s{0,3})"
BEFORE_PYTHON = _CODE + r"?(?:\[\s{0,3})?(?:await\s{1,3})?(?:print\()?"
PYTHON_BEGUN = re.compile(
    _CODE + r"(?:\[\s{0,3})?(?:await\s{0,3})?(?:print\(?)?(?:functions\.)?[\w.-]*$"
    r"|\[\s{0,3}(?:functions\.)?[\w.-]*$|\bawait\s{1,3}[\w.-]*$|\bprint\([\w.-]*$"
)


def call_end(text: str) -> int | None:
    """Where a call without marks of its own ends; None if that is yet to come."""
    tag = re.match(r"<([\w.-]+)[^<>]*?(/?)>", text)
    if tag is None:
        return balanced(text)
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


def balanced(text: str) -> int | None:
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
