"""How the engines say no: as OpenAI's API does."""

from __future__ import annotations

from starlette.responses import JSONResponse


class APIError(Exception):
    """A request that cannot be served, in the words and the shape of OpenAI's API."""

    def __init__(
        self, message: str, *, status: int = 400, type: str = "BadRequestError", param: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.param = param or None

    def response(self) -> JSONResponse:
        """The error as vLLM and vllm-omni write it."""
        error = {
            "message": str(self),
            "type": self.type,
            "param": self.param,
            "code": self.status,
        }
        return JSONResponse({"error": error}, status_code=self.status)
