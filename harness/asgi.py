"""An ASGI app that is served by uvicorn while a test needs it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import uvicorn


@contextlib.asynccontextmanager
async def served(config: uvicorn.Config) -> AsyncIterator[None]:
    """Serve an app, once it answers, until the context ends.

    Args:
        config: The app, and where it is served.
    """
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not (server.started or running.done()):
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await running
