"""Wrong settings as sentences: which one it is, and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from annotated_types import Ge, Le
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

_OF_PYDANTIC = frozenset(get_args(ErrorType))

Where = tuple[str, ...]
"""The names of the sections that a setting is in, and its own."""


class SettingsError(Exception):
    """A setting is missing, unknown or out of range; the text says which and what is allowed."""


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML file of settings by name.

    Args:
        path: The file.
        what: What such a file is called, with its article.

    Raises:
        SettingsError: It cannot be read, or holds something else.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"{path} cannot be read: {e}.") from e
    except (yaml.YAMLError, ValueError) as e:  # a date that is none is the latter
        raise SettingsError(f"{path} is not valid YAML: {' '.join(str(e).split())}") from e
    content = {} if content is None else content
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise SettingsError(f"{path} is not {what}: it must hold settings by name.")
    return content


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
    return "; ".join(_sentence(each, model, missing, within) for each in error.errors())


def _sentence(
    error: ErrorDetails, model: type[BaseModel], missing: Callable[[Where], str], within: Where
) -> str:
    loc = tuple(str(part) for part in error["loc"])
    key = ".".join((*within, *loc))
    if error["type"] == "extra_forbidden":
        section = _section(model, loc[:-1])
        assert section is not None  # only models forbid extra keys
        return f"{key} is not a setting (there are {', '.join(section.model_fields)})"
    if error["type"] == "missing":
        return f"{key} is missing ({missing((*within, *loc))})"
    if error["type"] not in _OF_PYDANTIC:  # a sentence of our own
        return f"{key}: {error['msg']}" if key else error["msg"]
    if error["type"] == "value_error":  # another one
        return f"{key}: {error['ctx']['error']}"
    message = error["msg"][0].lower() + error["msg"][1:]
    field = _field(model, loc)
    # What is not a secret yet has no mask.
    secret = field is not None and SecretStr in (field.annotation, *get_args(field.annotation))
    shown = key if secret else f"{key} = {error['input']!r}"
    return f"{shown}: {message}{_range(field)}"


def _section(model: type[BaseModel], loc: Where) -> type[BaseModel] | None:
    """The model that holds the fields below ``loc``, or None inside a plain mapping."""
    names = iter(loc)
    for name in names:
        field = model.model_fields.get(name)
        annotation = field.annotation if field else None
        models = [
            kind
            for kind in (annotation, *get_args(annotation))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not models:
            return None
        if get_origin(annotation) in (dict, list):
            next(names, None)  # the name or the place of an entry
        model = models[0]
    return model


def _field(model: type[BaseModel], loc: Where) -> FieldInfo | None:
    section = _section(model, loc[:-1])
    return section.model_fields.get(loc[-1]) if section and loc else None


def _range(field: FieldInfo | None) -> str:
    """Both ends of a range, since the message itself names only the end that was passed."""
    low = next((m.ge for m in field.metadata if isinstance(m, Ge)), None) if field else None
    high = next((m.le for m in field.metadata if isinstance(m, Le)), None) if field else None
    return "" if low is None or high is None else f" (allowed: {low} to {high})"
