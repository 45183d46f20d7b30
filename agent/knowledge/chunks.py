"""A document in pieces that are short enough to be told: by heading, then by paragraph."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt

from ..tokens import tokens

LONGEST = 160
"""Tokens of a piece: half a minute of speech, and three of them fit beside a conversation in the
2,048 tokens of the smallest profile."""

_FRONT_MATTER = re.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n")
_TABLE = re.compile(r"\|.*\n\|[\s:|-]+\n")
_MARKDOWN = MarkdownIt("commonmark").disable("inline")  # only blocks are looked at


@dataclass(frozen=True)
class Chunk:
    """A piece of a document."""

    headings: tuple[str, ...]
    """The headings above it, the outermost first."""
    text: str


def markdown_chunks(text: str) -> Iterator[Chunk]:
    """The pieces of a Markdown document; a heading without text gives none."""
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    lines = text.splitlines(keepends=True)
    sections: list[tuple[int, int, int, str]] = [(0, 0, 0, "")]  # first line, body, level, title
    parsed = _MARKDOWN.parse(text)
    for token, following in pairwise(parsed):
        if token.type == "heading_open" and token.level == 0 and token.map:
            level = int(token.tag[1:])
            sections.append((token.map[0], token.map[1], level, _plain(following.content)))
    above: list[tuple[int, str]] = []
    ends = [start for start, *_ in sections[1:]] + [len(lines)]
    for (_, body, level, title), end in zip(sections, ends, strict=True):
        if level:
            above = [(other, name) for other, name in above if other < level] + [(level, title)]
        headings = tuple(name for _, name in above if name)
        for piece in _pieces("".join(lines[body:end])):
            yield Chunk(headings, piece)


def text_chunks(text: str) -> Iterator[Chunk]:
    """The pieces of a document without headings."""
    for piece in _pieces(text.replace("\r\n", "\n")):
        yield Chunk((), piece)


def _plain(heading: str) -> str:
    """A heading without its marks: emphasis, code, and the address of a link."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)|[*`]+", r"\1", heading).strip()


def _pieces(text: str) -> Iterator[str]:
    """Paragraphs, put together up to the longest piece; one that is longer is cut."""
    held = ""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if not paragraph.strip():
            continue
        for part in _cut(paragraph.strip("\n")):
            joined = f"{held}\n\n{part}" if held else part
            if held and tokens(joined) > LONGEST:
                yield held.strip()
                joined = part
            held = joined
    if held.strip():
        yield held.strip()


def _cut(paragraph: str) -> Iterator[str]:
    """A paragraph in parts of the longest piece at most, each of whole sentences or rows."""
    if tokens(paragraph) <= LONGEST:
        yield paragraph
        return
    table = _TABLE.match(paragraph)
    # Without the names of its columns a row tells nothing.
    head = table.group() if table else ""
    rows = paragraph[len(head) :].splitlines() if table else _SENTENCE.split(paragraph)
    space = "\n" if table else " "
    held = ""
    for row in rows:
        for part in _cut_anywhere(row):
            joined = f"{held}{space}{part}" if held else part
            if held and tokens(head + joined) > LONGEST:
                yield head + held
                joined = part
            held = joined
    if held:
        yield head + held


def _cut_anywhere(sentence: str) -> Iterator[str]:
    while tokens(sentence) > LONGEST:
        # As many characters as tokens never are too many.
        at = sentence.rfind(" ", 0, LONGEST)
        at = at if at > LONGEST // 2 else LONGEST
        yield sentence[:at]
        sentence = sentence[at:].lstrip()
    if sentence.strip():
        yield sentence
