"""A language model's server that answers by a scenario's script: for an agent in a real room."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from .scenario import AgentScript, Line

MODEL = "script"


class ScriptServer:
    """Answers as one script after the other says; :meth:`app` is served.

    An agent asks again for a turn that turns out to go on, and gives the first answer up: the same
    conversation before the caller's last words has the same answer.
    """

    def __init__(self) -> None:
        self._script = AgentScript()
        self._given: dict[str, Line] = {}
        self.asked_too_often = False
        """Whether there was no line left for a request."""

    def begin(self, script: AgentScript) -> None:
        """Answer by another script from now on."""
        self._script, self._given, self.asked_too_often = script, {}, False

    @property
    def left(self) -> list[Line]:
        """The lines that were not asked for."""
        return self._script.lines[len(self._given) :]

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.post("/v1/chat/completions", self._chat),
            ]
        )
        return app

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"object": "list", "data": [{"id": MODEL, "object": "model", "max_model_len": 32768}]}
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if 1 in (body.get("max_tokens"), body.get("max_completion_tokens")):  # reads the prompt
            return web.json_response(_completion("message", {"role": "assistant", "content": ""}))
        if form := body.get("response_format"):
            filled = self._filled(form["json_schema"]["schema"])
            return await _stream(request, {"content": json.dumps(filled)})
        line = self._line(body["messages"])
        if line is None:
            self.asked_too_often = True
            raise web.HTTPBadRequest(text="The script has no more lines.")
        if line.tool is None:
            return await _stream(request, {"content": line.say or ""})
        function = {"name": line.tool, "arguments": json.dumps(line.arguments)}
        call = {"index": 0, "id": f"call-{len(self._given)}", "type": "function"}
        return await _stream(request, {"tool_calls": [{**call, "function": function}]})

    def _line(self, messages: list[dict[str, Any]]) -> Line | None:
        before = [message for message in messages if message["role"] != "system"]
        if before and before[-1]["role"] == "user":
            before[-1] = {"role": "user"}
        key = json.dumps(before, sort_keys=True)
        if key not in self._given and self.left:
            self._given[key] = self.left[0]
        return self._given.get(key)

    def _filled(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What the form after a call asks for: the script's outcome, or something that fits."""
        filled = {name: _least(of) for name, of in schema["properties"].items()}
        if self._script.outcome is not None and "outcome" in filled:
            filled["outcome"] = self._script.outcome
        return filled


def _least(schema: dict[str, Any]) -> Any:
    """The least that a schema allows, as far as its types say it."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "null")
    kinds = kind if isinstance(kind, list) else [kind]
    if "null" in kinds:
        return None
    if kinds[0] == "object":
        fields = schema.get("properties", {})
        return {name: _least(fields[name]) for name in schema.get("required", []) if name in fields}
    return {"boolean": False, "array": [], "string": ""}.get(kinds[0], 0)


async def _stream(request: web.Request, delta: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    first = _completion("delta", {"role": "assistant", **delta})
    last = _completion("delta", {}) | {
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    }
    last["choices"][0]["finish_reason"] = "tool_calls" if "tool_calls" in delta else "stop"
    for event in (json.dumps(first), json.dumps(last), "[DONE]"):
        await response.write(f"data: {event}\n\n".encode())
    return response


def _completion(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "script",
        "object": "chat.completion" + (".chunk" if kind == "delta" else ""),
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, kind: content, "finish_reason": None}],
    }
