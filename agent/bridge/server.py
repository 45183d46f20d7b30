"""The HTTP side: who may ask, what is answered."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from limits import RateLimitItemPerMinute
from livekit.agents import APIError
from livekit.plugins import qwen3_tts
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from agent.assistant import instructions
from agent.definition.definition import AgentDefinition
from agent.goodbye import LONGEST
from agent.knowledge import Knowledge
from agent.knowledge_settings import KnowledgeSettings
from agent.languages import words
from agent.rate import Rate, TooMany
from agent.recital import guards
from agent.settings import BridgeSettings, Language, Settings

from . import metrics
from .conversations import Conversations, write_reply
from .engines import Engines, OpenCall, sentence
from .exchange import Event, Exchange, Said
from .media_choice import Choose
from .media_stream import DIALECTS, check_opening, follow
from .openapi import document, page
from .record import Kind, Record
from .requests import (
    ChatRequest,
    Refused,
    SpeechRequest,
    StopRequest,
    check_length,
    read_chat,
    read_json,
    recording,
)
from .response import SpokenResponse

logger = logging.getLogger("parley")

_RECORDS = 1000
"""Requests whose figures are kept for GET /bridge/requests/{id}."""
_READ_FOR_EACH = 4
"""Requests that may be arriving for each that may be spoken: of 15 MB each, at most."""
GUESSES = RateLimitItemPerMinute(10)
"""Wrong keys of one client address: more than a person mistypes."""

_SOON = {"Retry-After": "1"}

W = TypeVar("W")


class Bridge:
    """Answers requests.

    Args:
        settings: The profile, with what the agent has of it for itself.
        agent: Who answers.
        engines: What makes the replies.
        open_call: Connects a call over a media stream to engines of its own.
        choose: Says who speaks in it; the same agent if None.
        documents: Where questions are looked up.
    """

    def __init__(
        self,
        settings: Settings,
        agent: AgentDefinition,
        engines: Engines,
        open_call: OpenCall,
        choose: Choose | None = None,
        documents: Knowledge | None = None,
    ) -> None:
        self._settings = settings
        self._agent = agent
        self.limits = settings.bridge
        self._engines = engines
        self._open_call = open_call
        self._choose = choose or (lambda _: (agent, settings))
        self._documents = documents
        self._conversations = Conversations()
        self._rate = Rate(RateLimitItemPerMinute(settings.bridge.per_minute))
        self._guesses = Rate(GUESSES)
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._in_flight = 0
        self._reading = 0
        self._finished = 0
        self._calls = 0
        self._streams = Rate(RateLimitItemPerMinute(settings.bridge.streams_per_minute))
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        """Set while no call is held."""
        self._idle.set()

    async def chat(self, chat: ChatRequest, record: Record) -> SpokenResponse:
        """Answer a turn of a conversation."""
        language = chat.language or self._settings.default_language
        question, language = await self._question(chat, record, language)
        language = self._settings.tts.spoken(language) if language else None
        name = chat.conversation or record.id
        record.conversation = name
        prompt = instructions(self._agent, self._settings, language)
        conversation = self._conversations.enter(name, prompt)
        # Whoever speaks again has heard enough.
        await conversation.stop()
        conversation.exchange = exchange = Exchange(
            self._engines.tts,
            write_reply(
                self._engines,
                conversation,
                question,
                recorded=chat.audio is not None,
                against=guards(self._agent.settings, prompt),
                refusal=words(language or "en").assistant.refusal,
                documents=self._documents,
                budget=(self._agent.settings.knowledge or KnowledgeSettings()).budget_beside,
            ),
            record,
            voice=chat.voice or self._settings.tts.voice_of(language),
            language=language,
            on_done=conversation.finished,
        )
        return SpokenResponse(
            exchange,
            conversation.stop,
            events=chat.stream_format == "events",
            wav=chat.response_format == "wav",
        )

    async def speech(self, wanted: SpeechRequest, record: Record) -> SpokenResponse:
        """Speak a text."""
        segments = list(qwen3_tts.segment(wanted.input))
        language = wanted.language or self._settings.default_language
        language = self._settings.tts.spoken(language) if language else None

        async def written() -> AsyncGenerator[Event, None]:
            yield Said(wanted.input)

        exchange = Exchange(
            self._engines.tts,
            written(),
            record,
            voice=wanted.voice or self._settings.tts.voice_of(language),
            language=language,
            instructions=wanted.instructions,
        )
        wav = wanted.response_format == "wav"
        return SpokenResponse(exchange, exchange.stop, wav=wav, segments=len(segments))

    async def stop(self, request: Request) -> Response:
        """End a conversation's reply."""
        wanted = await read_json(StopRequest, request, self.limits)
        conversation = self._conversations.find(wanted.conversation)
        played = None if wanted.played_ms is None else wanted.played_ms / 1000
        heard = await conversation.stop(played) if conversation else None
        return JSONResponse(
            {
                "conversation": wanted.conversation,
                "stopped": heard is not None,
                "heard": heard,
            }
        )

    async def figures(self, request: Request) -> Response:
        """Tell what a request took."""
        record = self._records.get(request.path_params["id"])
        if record is None:
            raise Refused(404, "unknown", "There is no such request among the last 1,000.")
        return JSONResponse(record.as_dict(ended=record.outcome != "running"))

    async def health(self, _: Request) -> Response:
        """Tell that the engines are warm, or that calls are not taken any more."""
        stopping = self._stopping.is_set()
        return JSONResponse(
            {
                "status": "stopping" if stopping else "ok",
                "in_flight": self._in_flight,
                "calls": self._calls,
            },
            503 if stopping else 200,
        )

    async def say_goodbye(self) -> None:
        """Take no more calls, and end those that are held after a word.

        Returns:
            Once they are over, or it is late.
        """
        self._stopping.set()
        try:
            async with asyncio.timeout(LONGEST):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("calls are cut off", extra={"calls": self._calls})

    async def media_stream(self, websocket: WebSocket) -> None:
        """Hold a conversation over a provider's media stream."""
        try:
            check_opening(websocket, self.limits)
            if self._stopping.is_set():
                raise Refused(503, "stopping", "This bridge stops: call again in a moment.", _SOON)
            try:
                await self._streams.check("")
            except TooMany as e:
                after = {"Retry-After": str(e.retry_after)}
                most = self.limits.streams_per_minute
                told = f"More than {most} calls within a minute (bridge.streams_per_minute)."
                raise Refused(429, "too_many", told, after) from e
            if self._calls >= self._settings.rooms:
                raise Refused(
                    503,
                    "full",
                    f"All places for calls are taken, which are {self._calls}: try again later.",
                    _SOON,
                )
        except Refused as e:
            logger.warning("a media stream was refused: %s", e)
            await websocket.send_denial_response(e.response())
            return
        self._calls += 1
        self._idle.clear()
        try:
            with metrics.CALLS.track_inprogress():
                await websocket.accept()
                dialect = DIALECTS[self.limits.stream_provider]()
                await follow(websocket, dialect, self._choose, self._open_call, self._stopping)
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def check_rate(self, client: HTTPConnection) -> None:
        """Count a request.

        Raises:
            Refused: The client asked too often.
        """
        try:
            await self._rate.check(_address(client))
        except TooMany as e:
            raise _too_many(e) from e

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for a request that is here, until the last byte of its answer.

        Raises:
            Refused: There is no place left.
        """
        if self._in_flight >= self.limits.max_requests:
            raise Refused(
                503,
                "full",
                f"{self._in_flight} requests are being spoken, which is all this bridge takes "
                "at once: try again in a moment.",
                {"Retry-After": "1"},
            )
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._finished += 1

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Hold the memory that the body of a request may take.

        Raises:
            Refused: As many are being read as may be.
        """
        if self._reading >= _READ_FOR_EACH * self.limits.max_requests:
            raise Refused(503, "full", "Too many requests are arriving.", {"Retry-After": "1"})
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    async def check_key(self, request: Request) -> None:
        """Refuse a caller without the key, where one is asked for.

        Raises:
            Refused: The key is missing or wrong, or the caller has guessed too often.
        """
        if key := self.limits.api_key:
            try:
                # Before the key is looked at: or who goes on guessing would see which is right.
                await self._guesses.look(_address(request))
            except TooMany as e:
                raise _too_many(e) from e
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), key.get_secret_value().encode()):
                with contextlib.suppress(TooMany):  # which the next attempt is told
                    await self._guesses.check(_address(request))
                raise Refused(401, "no_key", "Send Authorization: Bearer with this bridge's key.")

    async def _question(
        self, chat: ChatRequest, record: Record, language: Language | None
    ) -> tuple[str, Language | None]:
        if chat.text is not None:
            return chat.text, language
        frame = recording(chat, self.limits)
        try:
            text, spoken = await self._engines.hear([frame], language)
        except APIError as e:
            raise Refused(502, "not_heard", sentence(e)) from e
        record.mark("t_heard")
        record.heard = text
        if not text:
            raise Refused(422, "no_words", "No words were heard in the recording.")
        return text, spoken

    def record(self, kind: Kind) -> Record:
        """Begin the figures of a request that comes in now."""
        record = Record(kind, warm=self._finished > 0)
        self._records[record.id] = record
        if len(self._records) > _RECORDS:
            self._records.popitem(last=False)
        return record


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
        await bridge.check_key(request)
        await bridge.check_rate(request)
        record = bridge.record(self._kind)
        try:
            async with bridge.reading():
                wanted = await self._read(request, bridge.limits)
            async with bridge.place():
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
        bridge: Bridge = request.app.state.bridge
        await bridge.check_key(request)
        return await handler(bridge, request)

    return endpoint


def _address(client: HTTPConnection) -> str:
    return client.client.host if client.client else ""


def _too_many(error: TooMany) -> Refused:
    return Refused(429, "too_many", str(error), {"Retry-After": str(error.retry_after)})


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
    bridge: Bridge = request.app.state.bridge
    return await bridge.health(request)


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

    async def media_stream(websocket: WebSocket) -> None:
        await app.state.bridge.media_stream(websocket)

    app = Starlette(
        routes=[
            Route("/bridge/chat", _Spoken("chat", read_chat, Bridge.chat), methods=["POST"]),
            Route("/v1/audio/speech", speech, methods=["POST"]),
            Route("/bridge/stop", _plain(Bridge.stop), methods=["POST"]),
            Route("/bridge/requests/{id}", _plain(Bridge.figures)),
            Route("/health", _health),
            WebSocketRoute("/media-streams", media_stream),
            Route("/openapi.json", openapi),
            Route("/", page),
        ],
        exception_handlers={
            Refused: _refused,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
        },
    )
    app.state.bridge = Bridge(settings, agent, engines, open_call, choose, documents)
    return app
