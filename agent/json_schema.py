"""Whether something is a JSON schema that a form can have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, SchemaError


def check_schema(schema: dict[str, Any]) -> None:
    """See whether something is a JSON schema of an object, which says everything itself.

    Raises:
        ValueError: It is not; the text says why.
    """
    if schema.get("type") != "object":
        raise ValueError("the schema must be of an object: type: object")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as e:
        raise ValueError(f"not a JSON schema: {e.message.splitlines()[0]}") from e
    # Others would be looked for as the form is filled in, on the network or at another root.
    groups = ("$defs", "definitions")
    known = {f"#/{group}/{name}" for group in groups for name in schema.get(group, {})}
    for reference in _references(schema):
        if reference not in known:
            raise ValueError(f"the schema has no {reference}: a $ref must name one of its $defs")


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)
