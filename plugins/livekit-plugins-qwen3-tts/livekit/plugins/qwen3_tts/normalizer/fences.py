"""Finds what of a text is in a fenced block of code, which is to be read and not to be heard."""

from __future__ import annotations

import re

# A fence begins a line; models also write one straight behind their words, with nothing after it
# but the language. Anywhere else such marks are inline code, or the drawn-out end of "好的~~~".
_FENCE = re.compile(
    r"(?P<line>(?:^|(?<=\n))[ \t]{0,8}(?:>[ \t]?)?)?(?P<mark>`{3,}|~{3,})"
    r"(?P<info>[ \t]*[\w+#.-]*[ \t]*)(?P<end>\n|$)?"
)


def outside_fences(text: str, before: str) -> str:
    """Returns a unit without its code.

    Args:
        text: The unit.
        before: What was written before it: a fence may be open there.
    """
    if "```" not in before and "~~~" not in before and "```" not in text and "~~~" not in text:
        return text
    whole = before + text
    outside, start, opened = [], len(before), ""
    for fence in _FENCE.finditer(whole):
        mark, at_line = fence["mark"], fence["line"] is not None
        if not opened:
            line = whole[whole.rfind("\n", 0, fence.start()) + 1 : fence.start()]
            opens = at_line or (
                mark[0] == "`" and fence["end"] == "\n" and line.count("```") % 2 == 0
            )
            if at_line and not fence["end"] and mark[0] in whole[fence.end() :].split("\n", 1)[0]:
                opens = False  # "```pip install x``` does it"
            if not opens:
                continue
            opened = mark
            if fence.start() > start:
                outside.append(whole[start : fence.start()])
        elif mark[0] == opened[0] and len(mark) >= len(opened):
            # Sloppily closed behind the last line of code, but only by a fence without more.
            if not (at_line or (mark[0] == "`" and not fence["info"].strip())):
                continue
            if at_line and fence["info"].strip() and mark[0] == "`" and fence["end"]:
                continue
            opened = ""
            start = max(len(before), fence.start("info"))
            outside.append("\n")
    if not opened:
        outside.append(whole[start:])
    return "".join(outside)
