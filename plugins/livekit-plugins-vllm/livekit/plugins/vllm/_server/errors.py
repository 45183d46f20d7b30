"""A server's errors in plain words, each with its remedy.

They are LiveKit's, so that its retries and events work:
    APIError
    ├── APIStatusError       the server answered with an error
    └── APIConnectionError   it did not answer, or stopped
        ├── NonsenseError    what it sent cannot be read
        └── APITimeoutError  it did not answer in time
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf

import httpx2 as httpx
import openai
from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError


class BusyError(APIStatusError):
    """The server is busy and says when to ask again.

    Attributes:
        retry_after: Seconds to wait.
    """

    retry_after: float = 0.0


class NonsenseError(APIConnectionError):
    """The server sent what cannot be read."""


@contextmanager
def plain_errors(base_url: str, request_id: str | None = None) -> Iterator[None]:
    """Raise the errors of the openai SDK and of httpx as LiveKit's.

    Args:
        base_url: Address of the server.
        request_id: The id of the request in the server's log.
    """
    try:
        yield
    except openai.APIStatusError as e:
        message = error_text(e.body) if e.body else e.message
        error = status_error(e.status_code, message, base_url, request_id=request_id)
        wait = _seconds(e.response.headers.get("retry-after"))
        if wait is not None and error.retryable:
            busy = BusyError(error.message, status_code=e.status_code, request_id=request_id)
            busy.retry_after = wait
            raise busy from None
        raise error from None
    except (TimeoutError, openai.APITimeoutError, httpx.TimeoutException) as e:
        raise APITimeoutError(f"{base_url} sent nothing within the deadline.") from e
    except (openai.APIConnectionError, httpx.HTTPError, httpx.StreamError) as e:
        raise APIConnectionError(f"The connection to {base_url} broke.") from e
    except openai.APIError as e:  # an error event in the stream
        code = e.body.get("code") if isinstance(e.body, Mapping) else None
        status = code if isinstance(code, int) else 500
        raise status_error(status, e.message, base_url, request_id=request_id) from None
    except (ValueError, RecursionError) as e:  # brackets without end are too deep to be read
        raise NonsenseError(f"{base_url} sent something that is not JSON.") from e


def status_error(
    status: int, message: str, base_url: str, *, request_id: str | None = None
) -> APIStatusError:
    """LiveKit's error for an answer of the server, in one sentence that names the remedy.

    Args:
        status: HTTP status; 500 for an error in the middle of a stream.
        message: The server's own message.
        base_url: Address of the server.
        request_id: The id of the request in the server's log.
    """
    said = " ".join(message.split()).rstrip(".")[:500]
    text = f"{base_url} answered {status}: {said}"
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, f"{status} {said}", re.IGNORECASE):
            text += f"; {remedy}"
            break
    # LiveKit takes 499 for the caller's own end of a request, and says nothing.
    error = APIStatusError(
        text + ".", status_code=500 if status == 499 else status, request_id=request_id
    )
    error.retryable = error.retryable or status in _PASSING
    return error


# Refusals that a moment cures, beside those that LiveKit knows.
_PASSING = (409, 423, 425)

_REMEDIES = (
    (r"^401|^403", "pass the api_key that the server was started with (vLLM: --api-key)"),
    (
        r"tool choice requires|tool-call-parser|tool parser",
        "start vLLM with --enable-auto-tool-choice and --tool-call-parser for its model, "
        "such as hermes",
    ),
    (
        r"priority",
        "start vLLM with --scheduling-policy priority, or leave priority out",
    ),
    (
        r"context length|context size|max_model_len|maximum model length|longer than the maximum",
        "start vLLM with a larger --max-model-len",
    ),
    (
        r"at most 0 (audio|image|video)",
        "the server was started with that kind of input off: correct its --limit-mm-per-prompt",
    ),
    (
        r"multimodal|multi-modal|audio input is not supported|image input is not supported|mmproj",
        "the model takes text only: serve one that hears or sees, or leave audio and images out",
    ),
    (r"^404 .*model", "start vLLM with --served-model-name, or correct model"),
    (r"^404", "is base_url right, and does it end in /v1?"),
)


def error_text(body: object) -> str:
    """The message in an error body, whether it is OpenAI's, FastAPI's or plain text."""
    if isinstance(body, Mapping):
        for key in ("error", "message", "detail"):
            if body.get(key):
                return error_text(body[key])
    return body if isinstance(body, str) else str(body)


def response_error(answer: httpx.Response, base_url: str) -> APIStatusError:
    """The error for a response whose status is not a success."""
    try:
        message = error_text(answer.json())
    except (ValueError, RecursionError):
        # Not in the charset that it names, which may be one that no text is in.
        message = answer.content.decode("utf-8", "replace").strip() or answer.reason_phrase
    return status_error(
        answer.status_code, message, base_url, request_id=answer.headers.get("x-request-id")
    )


def _seconds(retry_after: str | None) -> float | None:
    try:
        seconds = float(retry_after) if retry_after else None
    except ValueError:  # an HTTP date, which no inference server sends
        return None
    return seconds if seconds is not None and 0 <= seconds < inf else None
