"""A vllm-omni that is ready at once and says nothing: ``python -m tests.gpu.speaker PORT``."""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web

asked: list[Any] = []


async def speak(request: web.Request) -> web.Response:
    asked.append(await request.json())
    return web.Response(body=bytes(3840))


async def models(_: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": "voice"}]})


async def health(_: web.Request) -> web.Response:
    return web.Response()


async def counted(_: web.Request) -> web.Response:
    return web.json_response(asked)


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/v1/models", models)])
    app.add_routes([web.post("/v1/audio/speech", speak), web.get("/asked", counted)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
