"""A language model's server that fills in forms as a test says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.plugins import vllm


@dataclass
class FormServer:
    """Answers of the model, one after the other; an int is the status of a failure."""

    answers: list[str | int]
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "model", "max_model_len": 4096}]})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.json_response({"error": {"message": "No."}}, status=answer)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part in (answer[:7], answer[7:]):
            delta = {"index": 0, "delta": {"content": part}, "finish_reason": None}
            await response.write(_event({"id": "1", "choices": [delta]}))
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        await response.write(_event({"id": "1", "choices": [end]}))
        await response.write(b"data: [DONE]\n\n")
        return response

    def shown(self, request: int = -1) -> Any:
        """What the model was shown, as data."""
        return json.loads(self.asked[request]["messages"][-1]["content"])


def _event(value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


@contextlib.asynccontextmanager
async def serving(*answers: str | int) -> AsyncIterator[FormServer]:
    """A server on this machine."""
    server = FormServer(list(answers))
    app = web.Application()
    app.add_routes(
        [web.get("/v1/models", server.models), web.post("/v1/chat/completions", server.chat)]
    )
    async with TestServer(app) as running:
        server.url = str(running.make_url("/v1"))
        yield server


@contextlib.asynccontextmanager
async def model_that_answers(
    *answers: str | int,
) -> AsyncIterator[tuple[vllm.LLM, FormServer]]:
    """A model whose server gives these answers."""
    async with serving(*answers) as server:
        model = vllm.LLM(base_url=server.url)
        try:
            yield model, server
        finally:
            await model.aclose()
