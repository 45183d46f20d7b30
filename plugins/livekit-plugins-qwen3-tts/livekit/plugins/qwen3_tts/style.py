"""Manner and voice inside a reply, written by the language model as light markup.

    <style calm and slow>Take your time.</style> <style voice="Ryan" angry>No!</style>

Whatever is in the tag besides attributes is the instruction for the voice, in any words. A tag is
neither spoken nor shown, in whatever pieces it comes; where one is never closed with ">", only the
tag is dropped and none of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Taught to the language model when markup is wanted.
MARKUP_INSTRUCTIONS = (
    "You may set the manner of your voice by wrapping words in a style tag that describes it, "
    "for example: <style warm and cheerful>What lovely news!</style>. Use it only where the "
    "manner changes, close every tag, and write nothing else in angle brackets."
)

_TAG_NAME = re.compile(r"</?style(?=[\s:=>/\"'])", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([A-Za-z_]+)\s*=\s*(\"[^\"<>]*\"|'[^'<>]*'|“[^”<>]*”|[^\s\"'<>]+)")
_BROKEN_HEAD = re.compile(
    r"</?style[: \t]*(?:[ \t]*[A-Za-z_]+[ \t]*=[ \t]*(?:\"[^\"<>]*\"|'[^'<>]*'))*", re.IGNORECASE
)
# vllm-omni takes 500 characters of instructions, so no tag that is meant is longer.
_LONGEST_TAG = 560


@dataclass(frozen=True)
class Style:
    """What a span of text asks for; where None, the reply's own stands."""

    instructions: str | None = None
    voice: str | None = None


PLAIN = Style()


class StyleParser:
    """Splits a stream of text into spans of one style each, without the tags themselves."""

    def __init__(self) -> None:
        self._held = ""
        self._styles: list[Style] = []

    def push(self, text: str) -> Iterator[tuple[str, Style]]:
        """Yield the text that is sure to be text, with its style."""
        self._held += text
        return self._parse(ended=False)

    def flush(self) -> Iterator[tuple[str, Style]]:
        """Yield what was held back, at the end of the text."""
        return self._parse(ended=True)

    @property
    def _style(self) -> Style:
        return self._styles[-1] if self._styles else PLAIN

    def _parse(self, ended: bool) -> Iterator[tuple[str, Style]]:
        while self._held:
            start = self._held.find("<")
            if start:
                text = self._held if start < 0 else self._held[:start]
                self._held = self._held[len(text) :]
                yield text, self._style
                continue
            if not _may_be_tag(self._held, ended):
                self._held = self._held[1:]
                yield "<", self._style
                continue
            closed = self._held.find(">")
            reach = _tag_reach(self._held if closed < 0 else self._held[:closed])
            if closed == reach:
                self._apply(self._held[: closed + 1])
                self._held = self._held[closed + 1 :]
            elif reach < len(self._held) or ended:
                head = _BROKEN_HEAD.match(self._held, 0, reach)
                self._held = self._held[head.end() if head else 1 :]
            else:
                return

    def _apply(self, tag: str) -> None:
        if tag.startswith("</"):
            if self._styles:
                self._styles.pop()
            return
        inner = tag[len("<style") : -1].lstrip(":= ").rstrip("/ ")
        attributes = {k.lower(): v.strip("\"'“”") for k, v in _ATTRIBUTE.findall(inner)}
        words = " ".join(_ATTRIBUTE.sub(" ", inner).split()).strip("\"'“”")
        instructions = attributes.get("instructions") or attributes.get("instruct") or words
        self._styles.append(
            Style(
                instructions=instructions[:500] or self._style.instructions,
                voice=attributes.get("voice") or self._style.voice,
            )
        )


def _tag_reach(text: str) -> int:
    """Return how far the tag that begins the text can reach."""
    stops = (position for stop in "\n<" if (position := text.find(stop, 1)) > 0)
    return min(len(text), _LONGEST_TAG, *stops)


def _may_be_tag(text: str, ended: bool) -> bool:
    if _TAG_NAME.match(text):
        return True
    lowered = text.lower()
    partial = any(name.startswith(lowered) for name in ("<style", "</style"))
    # At the end of the text "<" or "<s" is text; the whole name is a broken tag.
    return partial and (not ended or lowered in ("<style", "</style"))


def strip_style(text: str) -> str:
    """Return a text without its style tags."""
    parser = StyleParser()
    return "".join(part for parts in (parser.push(text), parser.flush()) for part, _ in parts)
