"""The HTTP side: the page, its files, ``/api/…``, ``/livekit/…`` and ``/health``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from livekit import api
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.body import BodyError, read_body
from agent.engine_settings import languages_of
from agent.languages import LANGUAGES, Language, language_named
from agent.origin import OwnNames, same_origin
from agent.rate import Rate, TooMany
from agent.recovery import CallBook, DeathWatch
from agent.refusal import invalid, refusal

from . import tokens
from .admission import RATE, SERVER_TIMEOUT, VISITS, Admission, Crowded, Full, Unreachable
from .answering import Answering
from .livekit_url import LiveKit
from .look import PLAIN, Look
from .openapi import document
from .page import render, words_of_page
from .sign_in import NotAllowed, SignIn, Unavailable
from .signalling import Signalling

STATIC = Path(__file__).parent / "static"

CLIENT_LIBRARY = "livekit-client.umd.js"
"""LiveKit's browser client; its folder is given to :func:`create_app`."""

_MAX_BODY = 1536
"""Bytes; a request for a ticket has under 120, but the 60 characters of a name may be written as
escapes of 12 bytes each, and a client may add fields that are ignored."""

_BODY_SECONDS = 5.0
"""For all of them, which a browser sends at once."""


def create_app(
    livekit: LiveKit,
    *,
    client_library: Path,
    max_rooms: int,
    rooms_per_address: int,
    spoken: Mapping[Language, Language] | None = None,
    names: frozenset[str] | None = None,
    sign_in: SignIn | None = None,
    book: CallBook | None = None,
    agents: Mapping[str, str] = MappingProxyType({}),
    looks: Mapping[str, Look] = MappingProxyType({}),
    answering: Answering | None = None,
) -> Starlette:
    """Build the web application.

    ``GET /api/agents`` lists who may be spoken with, ``GET /api/models?agent=NAME`` which models
    answer for one. ``POST /api/token`` takes
    ``{"language": "en", "name": "...", "agent": "...", "voice": "..."}`` (all but the first are
    optional) and answers ``{"url", "token", "room", "identity"}``. Refusals are
    ``{"error": {"code", "message"}}``: 400 ``bad_request``, 401 ``not_signed_in``, 403
    ``other_site`` or ``not_allowed``, 404 ``no_such_agent`` or ``no_such_voice``, 408 ``too_slow``,
    413 ``too_long``, 421 ``other_host``, 429 ``too_many`` with ``Retry-After`` or
    ``too_many_here``, 503 ``full`` or ``no_server``.

    Whoever has a ticket enters its room at ``/livekit``, unless browsers reach livekit-server
    themselves.

    ``GET /api/visitor`` says whether a visitor has to sign in, where, and who has:
    ``{"sign_in": {"address", "leaves"} | null, "name": "..." | null}``.

    Args:
        livekit: Where livekit-server is.
        client_library: Folder that holds ``livekit-client.umd.js``.
        max_rooms: Rooms that may exist at once.
        rooms_per_address: How many of them one client address may hold.
        spoken: In which language Parley speaks with whoever has chosen one; that one if None.
        names: Names of this server, as :func:`agent.origin.names_of` has them; any if None.
        sign_in: How visitors sign in; they need not if None.
        book: The calls in progress, closed with the application: agents that have died are taken
            out of their rooms though no agent server may be left to do it.
        agents: What people see of the agents that may be asked for, by their names, the usual one
            first.
        looks: How the page looks for them, by their names; as its own if one is not there.
        answering: Which models answer; none are told if None.
    """
    engines = answering or Answering({})

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            signalling.opened(),
            api.LiveKitAPI(
                livekit.url,
                livekit.api_key,
                livekit.api_secret,
                timeout=aiohttp.ClientTimeout(total=SERVER_TIMEOUT),
            ) as client,
        ):
            app.state.admission = Admission(client.room, max_rooms, rooms_per_address)
            if book is None:
                yield
                return
            try:
                async with DeathWatch(book, client):
                    yield
            finally:
                await book.aclose()

    rate, visits = Rate(RATE), Rate(VISITS)
    signalling = Signalling(livekit.url)

    async def token(request: Request) -> Response:
        if not same_origin(request):
            return refusal(403, "other_site", "Tickets are for this site's own page only.")
        try:
            body = await read_body(request, most=_MAX_BODY, within=_BODY_SECONDS)
        except BodyError as e:
            return refusal(e.status, e.code, str(e))
        try:
            wanted = tokens.Request.model_validate_json(body)
        except ValidationError as e:
            known = ", ".join(LANGUAGES)
            hint = f'Send {{"language": one of {known}, "name": "optional"}}.'
            return refusal(400, "bad_request", f"{invalid(e)} {hint}")
        if wanted.agent is not None and wanted.agent not in agents:
            known = ", ".join(agents) or "none to choose from"
            message = f"There is no agent {wanted.agent!r} (there are {known})."
            return refusal(404, "no_such_agent", message)
        voices = languages_of(looks.get(wanted.agent or next(iter(agents), ""), PLAIN).voices)
        if wanted.voice is not None and wanted.voice not in voices:
            known = ", ".join(voices) or "none to choose from"
            message = f"There is no voice {wanted.voice!r} (there are {known})."
            return refusal(404, "no_such_voice", message)
        admission: Admission = request.app.state.admission
        try:
            address = _address(request)
            await rate.check(address)
            visitor = await sign_in.who(request) if sign_in else None
            if sign_in and visitor is None:
                return refusal(
                    401,
                    "not_signed_in",
                    "Sign in first, at this page in a browser, then ask again.",
                )
            ticket = tokens.issue(wanted, livekit.api_key, livekit.api_secret, visitor)
            await admission.take(ticket.room, address)
        except TooMany as e:
            return refusal(429, "too_many", str(e), {"Retry-After": str(e.retry_after)})
        except NotAllowed as e:
            return refusal(403, "not_allowed", str(e))
        except Crowded as e:
            return refusal(429, "too_many_here", str(e))
        except Full:
            return refusal(503, "full", "All places are taken. Try again in a few minutes.")
        except Unreachable:
            return refusal(503, "no_server", "The LiveKit server does not answer.")
        except Unavailable:
            return _nobody_known()
        return JSONResponse(
            {
                "url": _livekit_url(livekit, request),
                "token": ticket.token,
                "room": ticket.room,
                "identity": ticket.identity,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def who(request: Request) -> Response:
        try:
            await visits.check(_address(request))
        except TooMany as e:
            return refusal(429, "too_many", str(e), {"Retry-After": str(e.retry_after)})
        shown: dict[str, Any] = {"sign_in": None, "name": None}
        if sign_in:
            shown["sign_in"] = {"address": sign_in.address, "leaves": sign_in.leaves}
            try:
                visitor = await sign_in.who(request)
            except NotAllowed as e:
                return refusal(403, "not_allowed", str(e))
            except Unavailable:
                return _nobody_known()
            shown["name"] = visitor.name if visitor else None
        return JSONResponse(shown, headers={"Cache-Control": "no-store"})

    served = render(
        (STATIC / "index.html").read_text(encoding="utf-8"),
        spoken or {each: each for each in LANGUAGES},
        next(iter(agents.values()), "Parley"),
    )

    async def page(_: Request) -> Response:
        return HTMLResponse(served)

    async def language(request: Request) -> Response:
        known = language_named(request.path_params["language"])
        if known is None:
            raise HTTPException(404)
        return FileResponse(words_of_page(known))

    async def library(_: Request) -> Response:
        return FileResponse(client_library / CLIENT_LIBRARY, media_type="text/javascript")

    async def listed(_: Request) -> Response:
        shown = [looks.get(name, PLAIN).shown(name, title) for name, title in agents.items()]
        return JSONResponse({"agents": shown})

    async def logo(request: Request) -> Response:
        file = looks.get(request.path_params["agent"], PLAIN).logo
        if file is None or not file.is_file():
            raise HTTPException(404)
        return FileResponse(file)

    async def models(request: Request) -> Response:
        found = await engines.of(request.query_params.get("agent"))
        return JSONResponse(found.shown())

    async def openapi(_: Request) -> Response:
        return JSONResponse(document(agents))

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", page),
            Route("/health", health),
            Route("/languages/{language}.json", language),
            Route("/api/token", token, methods=["POST"]),
            Route("/api/visitor", who),
            Route("/api/agents", listed),
            Route("/api/models", models),
            Route("/agents/{agent}/logo", logo),
            Route("/openapi.json", openapi),
            Route(f"/static/{CLIENT_LIBRARY}", library),
            Mount("/static", StaticFiles(directory=STATIC)),
            *signalling.routes,
            *(sign_in.routes if sign_in else ()),
        ],
        middleware=[
            Middleware(_SecurityHeaders, livekit=livekit),
            Middleware(OwnNames, names=names),
            *(sign_in.middleware if sign_in else ()),
        ],
    )


class _SecurityHeaders:
    """Allows the page its own files, livekit-server and the microphone, and nothing else."""

    def __init__(self, app: ASGIApp, livekit: LiveKit) -> None:
        self._app = app
        self._livekit = livekit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        socket = _livekit_url(self._livekit, HTTPConnection(scope))
        parts = urlsplit(socket)
        # livekit-client asks by HTTP why a WebSocket was refused.
        web = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {parts.scheme}://{parts.netloc} {web}; "
            "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["Permissions-Policy"] = (
                    "microphone=(self), speaker-selection=(self), screen-wake-lock=(self), "
                    "camera=(), geolocation=()"
                )
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                # Files are revalidated by ETag, so a new version shows at the next visit.
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self._app(scope, receive, with_headers)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _nobody_known() -> Response:
    return refusal(503, "no_server", "Who has signed in cannot be looked up. Try again later.")


def _livekit_url(livekit: LiveKit, request: HTTPConnection) -> str:
    secure = request.url.scheme in ("https", "wss")
    return livekit.seen_from(request.url.netloc, secure=secure)
