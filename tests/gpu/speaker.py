"""A voice that is ready at once and says nothing: ``python -m tests.gpu.speaker PORT [nari]``.

It is asked as vllm-omni is, or with ``nari`` as nari-qwen3-tts; ``POST /die`` makes its engine one
that will answer nothing more.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from aiohttp import web

asked: list[Any] = []
dead = False
nari = sys.argv[2:] == ["nari"]


async def speak(request: web.Request) -> web.Response:
    body = await request.json()
    if nari and "stream_format" in body:
        wrong = {"type": "extra_forbidden", "loc": ["body", "stream_format"], "msg": "Extra"}
        return web.json_response({"detail": [wrong]}, status=422)
    asked.append(body)
    return web.Response(body=bytes(3840), content_type="audio/pcm")


async def models(_: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": "voice"}]})


async def health(_: web.Request) -> web.Response:
    return web.json_response({"alive": not dead}, status=503 if dead else 200)


async def die(_: web.Request) -> web.Response:
    global dead
    dead = True
    return web.json_response({"pid": os.getpid()})


async def counted(_: web.Request) -> web.Response:
    return web.json_response(asked)


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/v1/models", models)])
    app.add_routes([web.post("/v1/audio/speech", speak), web.get("/asked", counted)])
    app.add_routes([web.post("/die", die)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
