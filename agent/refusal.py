"""How the project's own HTTP endpoints say no: a code for programs, a sentence for people."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.responses import JSONResponse


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
