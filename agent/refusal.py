"""How the project's own HTTP endpoints say no: a code for programs, a sentence for people."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}
"""The body of each refusal, as OpenAPI describes it."""


def described(text: str) -> dict[str, Any]:
    """A refusal among an operation's responses in OpenAPI."""
    return {"description": text, "content": {"application/json": {"schema": SCHEMA}}}


def refusal(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The response to a request that is not served."""
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def invalid(error: ValidationError) -> str:
    """What is wrong with a request's first wrong field, in one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['msg']}."
