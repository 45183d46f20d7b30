"""YAML files that people write: one reader for all, which says of a wrong one in which line.

What PyYAML says of an error repeats the line, which may hold a secret that only lacks its quotes,
in the words of its parser. Here nothing of the file is repeated but the names of settings. And it
takes as right what is hardly meant: a name that is given twice, of which it keeps the last; one
without a value, as where the value begins with ``#``; ``1:30`` for 90 and ``010`` for 8.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.error import Mark
from yaml.reader import ReaderError

_QUOTES = "put a text with such characters in quotes"

_ADVICE = (
    (r"'\\t'", "a tab: indent with spaces"),
    (r"character .* that cannot start", "a text that begins with such a character needs quotes"),
    (
        "mapping values are not allowed",
        "a text with a colon needs quotes, or the line is indented too far",
    ),
    ("could not find expected ':'", "a name needs a colon and a space after it"),
    ("alias|anchor|alphabetic or numeric", "a text that begins with * or & needs quotes"),
    ("tag", "a text that begins with ! needs quotes"),
    ("escape", "what follows a \\ in \"…\" means something else: write '…' instead"),
    ("quoted scalar", "a quote is not closed"),
    ("flow", "a bracket is not closed, or a comma is missing"),
    ("block", "it does not fit the lines before: by its indentation, or a quote too many"),
    ("single document", "--- begins a second document, and there is to be one"),
    ("unhashable", "a name has to be a text"),
    ("recursive", "a value holds itself"),
)
"""What is to be done, by what PyYAML says."""


class YamlError(Exception):
    """A file cannot be read as YAML; the text says which, where and what to do."""


def read(path: Path) -> Any:
    """What a file holds: names are texts, and each is given once and has a value.

    Args:
        path: The file, in UTF-8.

    Raises:
        YamlError: It cannot be read, or is wrong.
    """
    text = _text(path)
    try:
        return yaml.load(text, _Loader)
    except _WrongError as e:
        raise YamlError(f"{path}, {e}.") from e
    except yaml.YAMLError as e:
        # Without it as the cause: a traceback would show the line.
        raise YamlError(f"{path} is not valid YAML: {_said(e, text)}.") from None
    except ValueError:
        said = "a value is not what its tag (!!…) says: leave the tag out"
        raise YamlError(f"{path} is not valid YAML: {said}.") from None
    except RecursionError as e:
        raise YamlError(f"{path} is not valid YAML: its values are nested too deeply.") from e


def line_of(path: Path, names: tuple[str, ...]) -> int | None:
    """The line in which a setting stands, or the nearest section of those that it is in.

    Args:
        path: A file that :func:`read` has read.
        names: The names of the sections, and of the setting; of the entry of a list, its place.

    Returns:
        The line, from 1; None if not even the first section stands there.
    """
    try:
        node = yaml.compose(path.read_text("utf-8-sig"), _Loader)
    except (OSError, ValueError, yaml.YAMLError):  # changed in the meantime
        return None
    line: int | None = None
    for name in names:
        entry = _entry(node, name)
        if entry is None:
            break
        line, node = entry
    return line


def _entry(node: yaml.Node | None, name: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and name.isdecimal() and int(name) < len(node.value):
        value = node.value[int(name)]
        return value.start_mark.line + 1, value
    return None


class _WrongError(Exception):
    """What YAML allows and a file of settings does not."""

    def __init__(self, mark: Mark, said: str) -> None:
        super().__init__(f"line {mark.line + 1}: {said}")


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[str, Mark] = {}
        for key, value in node.value:
            if key.tag not in (_TEXT, _MERGE):
                raise _WrongError(key.start_mark, f"a name has to be a text: {_KEY_ADVICE}")
            if key.value in first:
                raise _WrongError(
                    key.start_mark,
                    f"{_shown(key)} is given a second time (first in line "
                    f"{first[key.value].line + 1}): leave one",
                )
            first[key.value] = key.start_mark
            if value.tag == _NULL and not value.value:
                said = (
                    # It may be a secret that only lacks its quotes.
                    "there is a name without a value in braces: a text with braces needs quotes"
                    if node.flow_style
                    else f"{_shown(key)} has no value: write one after the colon, in quotes if it "
                    "begins with #, or null for none, or take the line out"
                )
                raise _WrongError(key.start_mark, said)
        return super().construct_mapping(node, deep)

    def _construct_map(self, node: yaml.MappingNode) -> dict[Hashable, Any]:
        # At once and not when all else is known, as PyYAML does for values that hold themselves.
        return self.construct_mapping(node, deep=True)

    def _construct_seq(self, node: yaml.SequenceNode) -> list[Any]:
        return self.construct_sequence(node, deep=True)


_KEY_ADVICE = "put a number, true, false, yes, no, on, off or null in quotes"
_TEXT, _MERGE, _NULL, _MAP, _SEQ = (
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "merge", "null", "map", "seq")
)
_Loader.add_constructor(_MAP, _Loader._construct_map)
_Loader.add_constructor(_SEQ, _Loader._construct_seq)

_NUMBERS = {
    "tag:yaml.org,2002:int": (re.compile(r"[-+]?(0|[1-9][0-9]*)\Z"), "-+0123456789"),
    "tag:yaml.org,2002:float": (
        re.compile(r"([-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan)\Z", re.I),
        "-+.0123456789",
    ),
}
"""Numbers as everybody writes them. Dates, and numbers in other bases, stay texts: they would
become other numbers, and are rather the identifiers or codes that they look like."""
_LEFT_OUT = (*_NUMBERS, "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _LEFT_OUT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, (_pattern, _first) in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, _pattern, list(_first))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as e:
        why = "it is a folder" if isinstance(e, IsADirectoryError) else (e.strerror or str(e))
        raise YamlError(f"{path} cannot be read: {why[:1].lower()}{why[1:]}.") from e
    try:
        return content.decode("utf-8-sig")  # Windows' editors begin a file with its mark
    except UnicodeDecodeError as e:
        line = content.count(b"\n", 0, e.start) + 1
        raise YamlError(
            f"{path} cannot be read: line {line} is not text in UTF-8: save the file as UTF-8."
        ) from None  # which quotes the bytes


def _said(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line} has a character that no text has (U+{error.character:04X})"
    assert isinstance(error, yaml.MarkedYAMLError)
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark
    # What is opened and never closed is found out at the end of the file.
    if error.context_mark and ("quoted" in context or "flow" in context or "simple" in context):
        mark = error.context_mark
    at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    for said in (problem, context):
        for pattern, advice in _ADVICE:
            if re.search(pattern, said):
                return f"{at}{advice}"
    return f"{at}{_QUOTES}"


def _shown(key: yaml.Node) -> str:
    name = str(key.value)
    return name if len(name) <= 40 else f"{name[:40]}…"
