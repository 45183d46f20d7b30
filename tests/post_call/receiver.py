"""A receiver of webhooks that behaves as a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

SECRET = "whsec_" + "c2VjcmV0IG9mIGEgdGVzdCwgMzIgYnl0ZXMgbG9uZyE="


@dataclass
class Receiver:
    """Checks the signature of each post, and answers with the next status; the last one stays.

    A status of 0 is no answer: the request hangs until its client has gone.
    """

    statuses: list[int]
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)
    """Whatever arrived with a right signature."""
    ids: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Something arrived."""
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    """Something was answered with a 2xx."""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        # Raises, and answers 500, for a signature that is wrong, or not of now.
        self.posts.append(Webhook(SECRET).verify(body, dict(request.headers)))
        self.ids.append(request.headers["webhook-id"])
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        self.arrived.set()
        if status == 0:
            await asyncio.Event().wait()
        if 200 <= status < 300:
            self.taken.set()
        return web.Response(status=status, headers=self.headers)


@contextlib.asynccontextmanager
async def receiving(*statuses: int, **headers: str) -> AsyncIterator[Receiver]:
    """A receiver on this machine."""
    receiver = Receiver(list(statuses), {k.replace("_", "-"): v for k, v in headers.items()})
    app = web.Application()
    app.add_routes([web.post("/calls", receiver.handle), web.get("/calls", receiver.handle)])
    # Whoever hangs up cancels the handler, as a hanging request's.
    async with TestServer(app, handler_cancellation=True) as server:
        receiver.url = str(server.make_url("/calls"))
        yield receiver
