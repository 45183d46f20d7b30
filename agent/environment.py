"""Variables of the environment that look like settings and are none, told before they are ignored.

pydantic reads the variables of the settings that there are, so one with a typo in its first part
would be passed over, and of one that has to be JSON it names the section alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .wrong import models_of, shortened

PREFIX = "PARLEY_"

OTHERS = frozenset(
    {
        "ADDRESS",
        "CACHE",
        "CALLS",
        "CERTIFICATE",
        "CERTIFICATE_KEY",
        "EVAL_API_KEY",
        "GRAFANA_IMAGE",
        "HOSTS",
        "KEPT",
        "MEDIA_ADDRESS",
        "MODELS",
        "PORT_AGENT",
        "PORT_BRIDGE",
        "PORT_GRAFANA",
        "PORT_LIVEKIT",
        "PORT_LIVEKIT_METRICS",
        "PORT_LIVEKIT_TCP",
        "PORT_LIVEKIT_UDP",
        "PORT_LLM",
        "PORT_METRICS",
        "PORT_PROMETHEUS",
        "PORT_REDIS",
        "PORT_SIP",
        "PORT_SIP_TLS",
        "PORT_STT",
        "PORT_TRUNKS",
        "PORT_TTS",
        "PORT_WEB",
        "PROFILE",
        "SIP_ADDRESS",
        "SIP_CERTIFICATE",
        "SIP_CERTIFICATE_KEY",
        "SIP_IMAGE",
        "SIP_MEDIA_PORTS",
        "SIP_PUBLIC_ADDRESS",
        "STANDBY",
        "STATE",
        "TRUNKS",
    }
)
"""Variables of Parley that are no settings of a profile, without the prefix (env.example)."""

_NEAR = 0.85
"""How like a name another one must be to be meant, of 1. What Kubernetes sets for a service that is
called parley, such as its port and its host, is like none."""

_SEPARATOR = "__"


def unknown(model: type[BaseModel], environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """One clause for each variable that was meant as a setting and is none.

    A variable with a section is refused, any other only where its name is like one that there is.

    Args:
        model: The settings.
        environment: The variables.
    """
    names = {*_names(model), *OTHERS}
    for variable, name in _ours(environment):
        first, *rest = name.split(_SEPARATOR)
        if first.lower() in model.model_fields:
            if value := _above(model, name.lower().split(_SEPARATOR)):
                yield f"{variable} is not a setting: {PREFIX}{value} is one value, not a section"
            continue
        if name in OTHERS:
            continue
        near = get_close_matches(name, names, n=1, cutoff=_NEAR)
        if near:
            yield f"{variable} is not a variable of Parley ({PREFIX}{near[0]} is)"
        elif rest:
            yield f"{variable} is not a setting (there are {', '.join(model.model_fields)})"


def unreadable(
    model: type[BaseModel], environment: Mapping[str, str] = os.environ
) -> Iterator[str]:
    """One clause for each variable that has to be JSON and is not.

    Args:
        model: The settings.
        environment: The variables.
    """
    for variable, name in _ours(environment):
        kind = _kind(_field(model, name.lower().split(_SEPARATOR)))
        if kind is None:
            continue
        wrong = _not_json(environment[variable])
        if wrong is None:
            continue
        if wrong:
            yield f"{variable} {wrong}"
            continue
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            # What it holds may be a secret, and is not shown.
            one = next(iter(kind.model_fields)).upper()
            yield (
                f"{variable} is a section: set what is in it one by one, such as "
                f"{variable}{_SEPARATOR}{one}"
            )
        else:
            shown = shortened(environment[variable])
            yield f"{variable} = {shown} is not JSON: {_form(variable, kind)}"


def variable_of(where: Sequence[str], environment: Mapping[str, str] = os.environ) -> str | None:
    """The variable that a setting comes from: its own, or one of a section in JSON that it is in.

    Args:
        where: The names of its sections, and its own.
        environment: The variables.
    """
    given = {name: variable for variable, name in _ours(environment)}
    for end in range(len(where), 0, -1):
        name = _SEPARATOR.join(where[:end]).upper()
        # What is below it, where a section should not be one.
        for each, variable in given.items():
            if each == name or (end == len(where) and each.startswith(f"{name}{_SEPARATOR}")):
                return variable
    return None


def _not_json(text: str) -> str | None:
    """What is wrong with JSON; None if nothing, empty if it is none."""
    try:
        json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_constant)
    except _TwiceError as e:
        return f"has {e} twice in one object: leave one"
    except (ValueError, RecursionError):
        return ""
    return None


class _TwiceError(Exception):
    """A name is given twice, of which Python keeps the last."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not of JSON")


def _ours(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that begin as those of Parley, with the rest of their names.

    One that is empty is none: it sets nothing.
    """
    for variable, value in environment.items():
        if variable.upper().startswith(PREFIX) and value:
            yield variable, variable.upper().removeprefix(PREFIX)


def _above(model: type[BaseModel], path: list[str]) -> str | None:
    """The setting above a place, if it is one value and holds nothing."""
    for end in range(1, len(path)):
        field = _field(model, path[:end])
        if field and not models_of(field) and _kind(field) is None:
            return _SEPARATOR.join(path[:end]).upper()
    return None


def _names(model: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{before}{name}".upper()
        for section in models_of(field):
            yield from _names(section, f"{before}{name}{_SEPARATOR}")


def _field(model: type[BaseModel], path: list[str]) -> FieldInfo | None:
    field = model.model_fields.get(path[0])
    if field is None or len(path) == 1:
        return field
    for section in models_of(field):
        return _field(section, path[1:])
    return None


def _kind(field: FieldInfo | None) -> Any:
    """What a setting must be if its variable is read as JSON; None if it is not."""
    annotation = field.annotation if field else None
    for kind in (annotation, *get_args(annotation)):
        if (get_origin(kind) or kind) in (dict, list, tuple):
            return kind
        # One that may be left out is read as it is if it is not JSON, and refused then.
        if kind is annotation and isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _form(variable: str, kind: Any) -> str:
    if (get_origin(kind) or kind) is not dict:
        return """write a list, such as '["…"]'"""
    key = (get_args(kind) or (str,))[0]
    name = get_args(key)[0] if get_origin(key) is Literal else "name"
    return f"""write '{{"{name}": "…"}}', or {variable}{_SEPARATOR}{name.upper()}=…"""
