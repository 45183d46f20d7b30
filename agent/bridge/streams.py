"""Calls over media streams: how many are taken, and how they end when the bridge stops."""

from __future__ import annotations

import asyncio
import logging

from limits import RateLimitItemPerMinute
from starlette.websockets import WebSocket

from agent.goodbye import LONGEST
from agent.rate import Rate, TooMany
from agent.settings import Settings

from . import metrics
from .engines import OpenCall
from .media_choice import Choose
from .media_stream import PROVIDERS, check_opening, follow
from .requests import Refused

logger = logging.getLogger("parley")

_SOON = {"Retry-After": "1"}


class Streams:
    """Takes media streams.

    Args:
        settings: The profile, with what the agent has of it for itself.
        open_call: Connects a call to engines of its own.
        choose: Says who speaks in it.
    """

    def __init__(self, settings: Settings, open_call: OpenCall, choose: Choose) -> None:
        self._settings = settings
        self._open_call, self._choose = open_call, choose
        self.calls = 0
        """Those that are held."""
        self._rate = Rate(RateLimitItemPerMinute(settings.bridge.streams_per_minute))
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        """Set while no call is held."""
        self._idle.set()

    @property
    def stopping(self) -> bool:
        """Whether no more are taken."""
        return self._stopping.is_set()

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
            logger.warning("calls are cut off", extra={"calls": self.calls})

    async def hold(self, websocket: WebSocket) -> None:
        """Hold a conversation over a provider's media stream, or say why not."""
        try:
            await self._check(websocket)
        except Refused as e:
            logger.warning("a media stream was refused: %s", e)
            await websocket.send_denial_response(e.response())
            return
        self.calls += 1
        self._idle.clear()
        try:
            with metrics.CALLS.track_inprogress():
                await websocket.accept()
                dialect = PROVIDERS[self._settings.bridge.stream_provider].dialect()
                await follow(websocket, dialect, self._choose, self._open_call, self._stopping)
        finally:
            self.calls -= 1
            if not self.calls:
                self._idle.set()

    async def _check(self, websocket: WebSocket) -> None:
        """Make sure that a stream may be opened, and that there is a place for it.

        Raises:
            Refused: It may not, or there is none.
        """
        limits = self._settings.bridge
        check_opening(websocket, limits)
        if self.stopping:
            raise Refused(503, "stopping", "This bridge stops: call again in a moment.", _SOON)
        try:
            await self._rate.check("")
        except TooMany as e:
            most = limits.streams_per_minute
            told = f"More than {most} calls within a minute (bridge.streams_per_minute)."
            raise Refused(429, "too_many", told, {"Retry-After": str(e.retry_after)}) from e
        if self.calls >= self._settings.rooms:
            told = f"All places for calls are taken, which are {self.calls}: try again later."
            raise Refused(503, "full", told, _SOON)
