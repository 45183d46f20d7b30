"""The HTTP side: which requests there are, and what becomes of one that goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from agent.definition.definition import AgentDefinition
from agent.knowledge import Knowledge
from agent.settings import BridgeSettings, Settings

from . import metrics
from .bridge import Bridge
from .door import Door
from .engines import Engines, OpenCall
from .media_choice import Choose
from .openapi import document, page
from .record import Kind, Record
from .requests import Refused, SpeechRequest, check_length, read_chat, read_json
from .response import SpokenResponse
from .streams import Streams

W = TypeVar("W")


class _Spoken(Generic[W]):
    """An ASGI application, so that a request holds its place until its last byte is sent.

    It has none while it is read: a client that is slow to send would keep it from others.

    Args:
        kind: What its record calls it.
        read: Reads and checks what is wanted.
        answer: Makes the answer.
    """

    def __init__(
        self,
        kind: Kind,
        read: Callable[[Request, BridgeSettings], Awaitable[W]],
        answer: Callable[[Bridge, W, Record], Awaitable[SpokenResponse]],
    ) -> None:
        self._kind = kind
        self._read = read
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        bridge: Bridge = request.app.state.bridge
        door: Door = request.app.state.door
        await door.check_key(request)
        await door.check_rate(request)
        record = bridge.record(self._kind, warm=door.finished > 0)
        try:
            async with door.reading():
                wanted = await self._read(request, door.limits)
            async with door.place():
                answer = await self._answer(bridge, wanted, record)
                await answer(scope, receive, send)
        finally:
            metrics.count(record)


async def _read_speech(request: Request, limits: BridgeSettings) -> SpeechRequest:
    wanted = await read_json(SpeechRequest, request, limits)
    check_length("input", wanted.input, limits)
    return wanted


def _plain(
    handler: Callable[[Bridge, Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        await request.app.state.door.check_key(request)
        return await handler(request.app.state.bridge, request)

    return endpoint


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response()


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    return Refused(error.status_code, "bad_request", f"{error.detail}.", headers).response()


async def _gone(_: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _health(request: Request) -> Response:
    """Tell that the engines are warm, or that calls are not taken any more."""
    door: Door = request.app.state.door
    streams: Streams = request.app.state.streams
    return JSONResponse(
        {
            "status": "stopping" if streams.stopping else "ok",
            "in_flight": door.in_flight,
            "calls": streams.calls,
        },
        503 if streams.stopping else 200,
    )


async def _media_stream(websocket: WebSocket) -> None:
    await websocket.app.state.streams.hold(websocket)


def create_app(
    settings: Settings,
    agent: AgentDefinition,
    engines: Engines,
    open_call: OpenCall,
    choose: Choose | None = None,
    documents: Knowledge | None = None,
) -> Starlette:
    """Build the application.

    Args:
        settings: The profile, with what the agent has of it for itself.
        agent: Who answers.
        engines: The engines, warm, and open for as long as the application serves.
        open_call: Connects a call over a media stream to engines of its own.
        choose: Says who speaks in it; the same agent if None.
        documents: Where questions over HTTP are looked up, open for as long as it serves.
    """
    speech = _Spoken("speech", _read_speech, Bridge.speech)

    async def openapi(_: Request) -> Response:
        return JSONResponse(document())

    app = Starlette(
        routes=[
            Route("/bridge/chat", _Spoken("chat", read_chat, Bridge.chat), methods=["POST"]),
            Route("/v1/audio/speech", speech, methods=["POST"]),
            Route("/bridge/stop", _plain(Bridge.stop), methods=["POST"]),
            Route("/bridge/requests/{id}", _plain(Bridge.figures)),
            Route("/health", _health),
            WebSocketRoute("/media-streams", _media_stream),
            Route("/openapi.json", openapi),
            Route("/", page),
        ],
        exception_handlers={
            Refused: _refused,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
        },
    )
    app.state.bridge = Bridge(settings, agent, engines, documents)
    app.state.door = Door(settings.bridge)
    app.state.streams = Streams(settings, open_call, choose or (lambda _: (agent, settings)))
    return app
