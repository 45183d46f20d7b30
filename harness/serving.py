"""An application of this process, served to others on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from agent.stack.ports import LOOPBACK

_GOODBYE = 0.1
"""Seconds that a request still has when the context ends."""


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application at a free port of this machine.

    A handler is cancelled when its client hangs up, as a real engine's work is.

    Yields:
        Its root URL.
    """
    runner = web.AppRunner(
        app, handler_cancellation=True, access_log=None, shutdown_timeout=_GOODBYE
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
