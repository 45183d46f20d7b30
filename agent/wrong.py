"""Wrong settings as sentences: which one it is, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from . import yaml_file

_OF_PYDANTIC = frozenset(get_args(ErrorType))

_NO_SECTION = ("dict_type", "model_type", "model_attributes_type")

_LONGEST = 80
"""Characters of a wrong value that are shown."""

_WORDS = {"True": "true", "False": "false", "None": "null"}
"""How files and the environment write what Python writes otherwise."""

Where = tuple[str, ...]
"""The names of the sections that a setting is in, and its own."""


class SettingsError(Exception):
    """A setting is missing, unknown or out of range; the text says which and what is allowed.

    Args:
        text: The sentence. Characters of it that cannot be printed, as a name may have them that
            was taken from a file, are escaped: it stays one line of a log.
    """

    def __init__(self, text: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML file of settings by name.

    Args:
        path: The file.
        what: What such a file is called, with its article.

    Raises:
        SettingsError: It cannot be read, or holds something else.
    """
    try:
        content = yaml_file.read(path)
    except yaml_file.YamlError as e:
        raise SettingsError(str(e)) from e
    if content is None:
        raise SettingsError(f"{path} is empty: {what} holds settings by name.")
    if not isinstance(content, dict):
        raise SettingsError(f"{path} is not {what}: it must hold settings by name.")
    return content


def in_file(path: Path, *settings: Where) -> str:
    """A file and the lines in which settings of it stand, as a sentence begins with them.

    Args:
        path: The file, which may be Python, of which no lines are told.
        *settings: The settings.
    """
    lines: set[int] = set()
    if path.suffix in (".yaml", ".yml"):
        lines = {line for each in settings if (line := yaml_file.line_of(path, each))}
    if not lines:
        return str(path)
    *most, last = map(str, sorted(lines))
    return f"{path}, line {last}" if not most else f"{path}, lines {', '.join(most)} and {last}"


def places(error: ValidationError, model: type[BaseModel], within: Where = ()) -> list[Where]:
    """Where the settings are that are wrong, as :func:`sentences` names them.

    Args:
        error: What pydantic has against them.
        model: The settings.
        within: The names of the sections that the settings are in.
    """
    found = (_names(model, tuple(map(str, each["loc"]))) for each in error.errors())
    return list(dict.fromkeys((*within, *loc) for loc in found))


def sentences(
    error: ValidationError,
    model: type[BaseModel],
    missing: Callable[[Where], str],
    within: Where = (),
) -> str:
    """What is wrong with settings.

    Args:
        error: What pydantic has against them.
        model: The settings.
        missing: Says how one that is missing can be given.
        within: The names of the sections that the settings are in.
    """
    # Of a setting that may be of several kinds pydantic says of each why it is not that.
    found: dict[str, list[str]] = {}
    for each in error.errors():
        subject, complaint = _parts(each, model, missing, within)
        found.setdefault(subject, []).append(complaint)
    return "; ".join(
        f"{subject}{', or '.join(dict.fromkeys(complaints))}"
        for subject, complaints in found.items()
    )


def shortened(value: object) -> str:
    """A wrong value as it is shown: its beginning, without a password that is in an address.

    Args:
        value: What was given.
    """
    text = _WORDS.get(repr(value)) or repr(value)
    text = re.sub(r"(?<=//).*@", "***@", text)  # a password in an address, which may hold / and @
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _parts(
    error: ErrorDetails, model: type[BaseModel], missing: Callable[[Where], str], within: Where
) -> tuple[str, str]:
    """What a sentence is about, and what it says of that."""
    loc = _names(model, tuple(str(part) for part in error["loc"]))
    key = ".".join((*within, *loc))
    if error["type"] == "extra_forbidden":
        section = _section(model, loc[:-1])
        assert section is not None  # only models forbid extra keys
        return f"{key} is not a setting ", f"(there are {', '.join(section.model_fields)})"
    if error["type"] == "missing":
        return f"{key} is missing ", f"({missing((*within, *loc))})"
    if error["type"] not in _OF_PYDANTIC:  # a sentence of our own
        return (f"{key}: " if key else ""), error["msg"]
    if error["type"] == "value_error":  # another one
        return f"{key}: ", str(error["ctx"]["error"])
    field = _field(model, loc)
    if error["loc"] and error["loc"][-1] == "[key]":
        said = _complaint(error, field)
        return f"{key}: ", re.sub(r"^(it|input|string|value)\b", "its name", said)
    shown = key if _hidden(field, error) else f"{key} = {shortened(error['input'])}"
    limits = "" if error["type"] == "literal_error" else _range(field)
    return f"{shown}: ", f"{_complaint(error, field)}{limits}"


def _complaint(error: ErrorDetails, field: FieldInfo | None) -> str:
    """What is wrong with a value, without the words of Python and of regular expressions."""
    if error["type"] in _NO_SECTION:
        return "it must hold settings by name"
    if error["type"] == "string_type" and isinstance(error["input"], bool | int | float):
        return "it must be a text: put it in quotes"
    if error["type"].startswith("url_"):
        (example,) = next((info.examples for info in _infos(field) if info.examples), None) or (
            "http://HOST:PORT",
        )
        return f"{_lowered(error['msg'])}; write it like {example}"
    if error["type"] in ("list_type", "tuple_type"):
        return "it must be a list"
    if error["type"] in ("bool_type", "bool_parsing"):
        return "it must be true or false"
    if error["type"] in ("int_from_float", "int_parsing", "int_type"):
        return "it must be a whole number"
    if error["type"] in ("float_parsing", "float_type"):
        return "it must be a number"
    if error["type"] == "too_short":
        fewest, of = error["ctx"]["min_length"], "character" if _secret(field) else "item"
        return f"it must have at least {fewest} {of}{'s' * (fewest != 1)}"
    if error["type"] == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        for info in _infos(field):
            if info.examples and any(getattr(m, "pattern", None) == pattern for m in info.metadata):
                return f"it must look like {' or '.join(map(str, info.examples))}"
    return _lowered(error["msg"])


def _lowered(message: str) -> str:
    # "URL" and its like stay as they are.
    return message if message[1:2].isupper() else message[0].lower() + message[1:]


def _hidden(field: FieldInfo | None, error: ErrorDetails) -> bool:
    """Whether a wrong value is not shown: a secret has no mask yet, and a section may hold one."""
    if error["input"] is None:
        return False
    no_section = error["type"] in _NO_SECTION and bool(models_of(field))
    return _secret(field) or isinstance(error["input"], dict | list) or no_section


def _secret(field: FieldInfo | None) -> bool:
    left = [field.annotation] if field else []
    while left:  # it may be optional, and annotated
        kind = left.pop()
        if kind is SecretStr:
            return True
        left.extend(get_args(kind))
    return False


def _names(model: type[BaseModel], loc: Where) -> Where:
    """The place of a setting without what pydantic adds: which of several kinds it tried."""
    kept: list[str] = []
    section: type[BaseModel] | None = model
    entries = False
    for name in loc:
        if name == "[key]":  # it is the name before that is wrong
            break
        if entries:  # the name or the place of an entry
            kept.append(name)
            entries = False
        elif section is not None:
            kept.append(name)
            field = section.model_fields.get(name)
            models = models_of(field)
            entries = field is not None and _holds_entries(field)
            section = models[0] if models else None
    return tuple(kept)


def models_of(field: FieldInfo | None) -> list[type[BaseModel]]:
    """The settings that a setting holds: alone, where it may be left out, as a list or by names."""
    annotation = field.annotation if field else None
    return [
        kind
        for kind in (annotation, *get_args(annotation))
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    ]


def _holds_entries(field: FieldInfo) -> bool:
    kinds = (field.annotation, *get_args(field.annotation))
    return any((get_origin(kind) or kind) in (dict, list, tuple) for kind in kinds)


def _section(model: type[BaseModel], loc: Where) -> type[BaseModel] | None:
    """The model that holds the fields below ``loc``, or None inside a plain mapping."""
    names = iter(loc)
    for name in names:
        field = model.model_fields.get(name)
        models = models_of(field)
        if not models:
            return None
        if field and _holds_entries(field):
            next(names, None)  # the name or the place of an entry
        model = models[0]
    return model


def _field(model: type[BaseModel], loc: Where) -> FieldInfo | None:
    """The setting at a place; of an entry, the setting that holds it."""
    for end in (len(loc), len(loc) - 1):
        section = _section(model, loc[: end - 1]) if end > 0 else None
        if section and loc[end - 1] in section.model_fields:
            return section.model_fields[loc[end - 1]]
    return None


def _infos(field: FieldInfo | None) -> Iterator[FieldInfo]:
    """What is said of a setting, of the kinds that it may be of, and of its entries."""
    if field is None:
        return
    yield field
    left = [field.annotation]
    while left:
        kind = left.pop()
        yield from (m for m in getattr(kind, "__metadata__", ()) if isinstance(m, FieldInfo))
        left.extend(get_args(kind))


def _range(field: FieldInfo | None) -> str:
    """Both ends of a range, since the message itself names only the end that was passed."""
    limits = [m for info in _infos(field) for m in info.metadata]
    low = next((m.ge for m in limits if isinstance(m, Ge)), None)
    high = next((m.le for m in limits if isinstance(m, Le)), None)
    return "" if low is None or high is None else f" (allowed: {low} to {high})"
