"""The interface, described for programs (``/openapi.json``) and for people (``/``).

The page is one file without a script: nothing is fetched from elsewhere to read it.
"""

from __future__ import annotations

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agent.refusal import described

from .requests import ChatRequest, SpeechRequest, StopRequest

_HEADERS = {
    "x-request-id": "For GET /bridge/requests/{id}.",
    "x-sample-rate": "Hz of the audio: 16 bits, little-endian, mono.",
    "x-chunk-ms": "Milliseconds of a frame; every part of the body is made of whole frames.",
    "x-warm-request": "1 if another request was finished before this one came.",
    "x-segments": "Units that the text makes; in a chat, those sent before the first audio.",
    "server-timing": "Milliseconds from t_req_in to each event so far, t_first_audio_out being "
    "the last. t_done is in the figures of the request.",
}
_REFUSALS = {
    "400": "Malformed.",
    "401": "The key is missing.",
    "404": "Not known, or no longer.",
    "408": "Too slow to arrive.",
    "409": "Stopped before its first word.",
    "413": "Too long.",
    "415": "Not declared as JSON or WAV.",
    "422": "No words in the recording.",
    "429": "Too many from this address; see Retry-After.",
    "502": "An engine failed.",
    "503": "Full; see Retry-After.",
}
_REFUSED: dict[str, tuple[str, ...]] = {
    "/bridge/chat": ("400", "401", "408", "409", "413", "415", "422", "429", "502", "503"),
    "/v1/audio/speech": ("400", "401", "408", "413", "415", "429", "502", "503"),
    "/bridge/stop": ("400", "401", "408", "413", "415", "429"),
    "/bridge/requests/{id}": ("401", "404", "429"),
    "/health": (),
}
_OPERATIONS: dict[str, tuple[str, str, type[Any] | None, str]] = {
    "/bridge/chat": (
        "post",
        "Say something and hear the answer. The audio is sent while the language model is still "
        "writing. Instead of JSON the body may be a WAV file, with the other fields in the query. "
        "With stream_format events the answer is server-sent events: heard, text, audio, done.",
        ChatRequest,
        "audio/pcm",
    ),
    "/bridge/stop": (
        "post",
        "End the reply of a conversation. The streams of the language model and of the TTS are "
        "closed when this answers; the conversation keeps what was heard.",
        StopRequest,
        "application/json",
    ),
    "/v1/audio/speech": (
        "post",
        "Speak a text: a short first unit, so that it begins at once, then long ones.",
        SpeechRequest,
        "audio/wav",
    ),
    "/bridge/requests/{id}": (
        "get",
        "What a request took: times, chunks (units sent to the TTS), and how each was cut "
        "(flush_punct, flush_len, flush_end), the starter's length, the frames sent.",
        None,
        "application/json",
    ),
    "/health": ("get", "200 once the engines are warm.", None, "application/json"),
}


def document() -> dict[str, Any]:
    """The interface in OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for path, (method, summary, body, answer) in _OPERATIONS.items():
        audio = answer.startswith("audio")
        kinds = ["audio/pcm", "audio/wav"] if audio else [answer]
        if body is ChatRequest:
            kinds.append("text/event-stream")
        ok: dict[str, Any] = {"description": "Done.", "content": {kind: {} for kind in kinds}}
        if audio:
            ok["headers"] = {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in _HEADERS.items()
            }
        operation: dict[str, Any] = {"description": summary, "responses": {"200": ok}}
        if body:
            operation["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": body.model_json_schema()}},
            }
        operation["responses"] |= {code: described(_REFUSALS[code]) for code in _REFUSED[path]}
        if "{id}" in path:
            operation["parameters"] = [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
            ]
        paths[path] = {method: operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley bridge", "version": "1"},
        "paths": paths,
    }


async def page(_: Request) -> Response:
    """The same for people."""
    return HTMLResponse(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Parley bridge</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;"
        "vertical-align:top}code{background:#8882;padding:.1rem .3rem}</style>"
        "<h1>Parley bridge</h1><p>The pipeline over HTTP. For programs: "
        "<a href=openapi.json>openapi.json</a>.</p>"
        + "".join(map(_section, document()["paths"].items()))
    )


def _section(entry: tuple[str, dict[str, Any]]) -> str:
    path, operations = entry
    ((method, operation),) = operations.items()
    parts = [f"<h2><code>{method.upper()} {path}</code></h2><p>{escape(operation['description'])}"]
    if body := operation.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]
        required = schema.get("required", [])
        fields = {
            name + ("" if name in required else "?"): str(field.get("description", ""))
            for name, field in schema["properties"].items()
        }
        parts.append(_table("Field", fields))
    answers = operation["responses"]
    if headers := answers["200"].get("headers"):
        parts.append(_table("Header", {k: v["description"] for k, v in headers.items()}))
        refusals = {code: a["description"] for code, a in answers.items() if code != "200"}
        parts.append(_table("Refusal", refusals))
    return "".join(parts)


def _table(head: str, rows: dict[str, str]) -> str:
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(text)}" for name, text in rows.items()
    )
    return f"<table><tr><th>{head}<th>{cells}</table>"
