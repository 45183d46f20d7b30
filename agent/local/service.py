"""What the speech services share: health, metrics, a bounded queue and start-up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .door import closed_to_sites
from .errors import APIError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Workers:
    """Threads that do the engine's work piece by piece, first come first served.

    A request hands in one short piece at a time, so requests take turns and a cancelled one
    stops at its next piece: a piece that runs cannot be stopped.

    Args:
        threads: How many pieces are worked on at once.
        limit: How many requests are admitted at once, working or waiting.
        metrics: Prefix of the gauges' names, ``vllm`` or ``vllm_omni``.
    """

    def __init__(self, threads: int, limit: int, metrics: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine")
        self._limit = limit
        self._admitted = 0
        self._running = Gauge(
            f"{metrics}:num_requests_running", "Requests admitted and not finished."
        )

    @contextlib.contextmanager
    def admit(self) -> Iterator[Seat]:
        """Hold a seat for one request until its last piece has ended.

        Raises:
            APIError: Too many requests are waiting already (503).
        """
        if self._admitted >= self._limit:
            raise APIError(
                f"{self._admitted} requests are queued already; try again in a moment.",
                status=503,
                type="ServiceUnavailableError",
            )
        self._admitted += 1
        self._running.inc()
        seat = Seat(self._pool)
        try:
            yield seat
        finally:
            seat.when_idle(self._release)

    def _release(self) -> None:
        self._admitted -= 1
        self._running.dec()


class Seat:
    """One admitted request's place at the workers."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._piece: Future[Any] | None = None

    async def run(self, piece: Callable[[], T]) -> T:
        """Do one piece in a worker thread; a piece that is cancelled while it waits is dropped."""
        future = self._pool.submit(piece)
        self._piece = future
        return await asyncio.wrap_future(future)

    def when_idle(self, done: Callable[[], None]) -> None:
        """Call back once the last piece has ended; at once if it has already."""
        if self._piece is None:
            done()
            return
        loop = asyncio.get_running_loop()
        self._piece.add_done_callback(lambda _: loop.call_soon_threadsafe(done))


class Service:
    """An engine behind HTTP: answers 503 until it is warm, then its routes.

    Args:
        name: What logs call the engine.
        model: The model's id under ``/v1/models``.
        routes: The engine's own routes.
        load: Loads and warms the engine; runs in a thread after the port is open.
    """

    def __init__(
        self, name: str, model: str, routes: list[BaseRoute], load: Callable[[], None]
    ) -> None:
        self._name = name
        self.model = model
        self._load = load
        self._ready = False
        self._error: Exception | None = None
        self._created = int(time.time())
        self.app = Starlette(
            routes=[
                Route("/health", self._health),
                Route("/metrics", self._metrics),
                Route("/v1/models", self._models),
                *routes,
            ],
            exception_handlers={
                APIError: _api_error,
                HTTPException: _http_error,
                ClientDisconnect: _gone,
                500: _internal_error,
            },
        )

    def require_ready(self) -> None:
        """Make sure that the engine is loaded.

        Raises:
            APIError: It is still loading (503).
        """
        if not self._ready:
            raise APIError(
                f"The {self._name} engine is loading; wait for /health to answer 200.",
                status=503,
                type="ServiceUnavailableError",
            )

    def require_model(self, name: str | None) -> None:
        """Make sure that a request names this model, or none.

        Raises:
            APIError: It names another (404).
        """
        if name and name != self.model:
            raise APIError(
                f"The model `{name}` does not exist; this server has `{self.model}`.",
                status=404,
                type="NotFoundError",
                param="model",
            )

    def run(self, host: str, port: int) -> None:
        """Serve until SIGINT or SIGTERM.

        Raises:
            Exception: Whatever loading the engine raised.
        """
        server = uvicorn.Server(
            uvicorn.Config(
                closed_to_sites(self.app, host),
                host=host,
                port=port,
                access_log=False,
                log_level="warning",
                lifespan="off",
                proxy_headers=False,  # nothing stands before an engine
                timeout_graceful_shutdown=1,
            )
        )
        loader = threading.Thread(target=self._start, args=(server,), daemon=True)
        loader.start()
        server.run()
        if self._error:
            raise self._error

    def _start(self, server: uvicorn.Server) -> None:
        start = time.monotonic()
        try:
            self._load()
        except Exception as e:
            self._error = e
            server.should_exit = True
            return
        self._ready = True
        logger.info(
            "engine ready",
            extra={
                "engine": self._name,
                "model": self.model,
                "seconds": round(time.monotonic() - start, 1),
            },
        )

    async def _health(self, request: Request) -> Response:
        if self._ready:
            return JSONResponse({"status": "healthy"})
        return JSONResponse({"status": "loading"}, status_code=503)

    async def _metrics(self, request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def _models(self, request: Request) -> Response:
        self.require_ready()
        model = {
            "id": self.model,
            "object": "model",
            "created": self._created,
            "owned_by": "parley",
        }
        return JSONResponse({"object": "list", "data": [model]})


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, APIError)
    return error.response()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = "NotFoundError" if error.status_code == 404 else "BadRequestError"
    return APIError(error.detail, status=error.status_code, type=kind).response()


async def _internal_error(request: Request, error: Exception) -> Response:
    return APIError(
        "The engine failed; its log has the details.", status=500, type="InternalServerError"
    ).response()


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it
