"""Whether something is a JSON schema that a form can have."""

from __future__ import annotations

from typing import Any

import jsonschema_rs


def check_schema(schema: dict[str, Any]) -> None:
    """See whether something is a JSON schema of an object.

    Raises:
        ValueError: It is not; the text says why.
    """
    if schema.get("type") != "object":
        raise ValueError("the schema must be of an object: type: object")
    try:
        jsonschema_rs.validator_for(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as e:
        raise ValueError(f"not a JSON schema: {str(e).splitlines()[0]}") from e
