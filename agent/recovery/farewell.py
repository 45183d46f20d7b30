"""An agent server that stops: its calls end after a word, and nobody is left on a line that rings.

Closed without that, a call by phone would be cut off in the middle of a sentence, and whoever calls
meanwhile would hear the line ring for three minutes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from livekit import api

from ..goodbye import LONGEST, TOPIC
from .book import StoreError
from .dispatcher import Dispatcher
from .waiting import waiting_rooms

logger = logging.getLogger("parley")

_AGAIN = 0.5
"""Seconds from one look to the next."""

_FAILURES = (StoreError, api.TwirpError, aiohttp.ClientError, TimeoutError)


class Farewell:
    """Ends the calls of an agent server.

    Args:
        dispatcher: The server's side of the book.
        livekit: LiveKit's API.
        jobs: The rooms of the server's jobs, by the identities of their agents.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        livekit: api.LiveKitAPI,
        jobs: Callable[[], Mapping[str, str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatcher, self._livekit = dispatcher, livekit
        self._jobs, self._clock = jobs, clock
        self._agents: set[str] = set()
        """All that this server had."""

    async def say(self) -> None:
        """Have each call of the server end after a word; returns when all have, or it is late."""
        until = self._clock() + LONGEST
        while True:
            jobs = dict(self._jobs())
            self._agents |= set(jobs)
            told = await asyncio.gather(*(self._tell(*job) for job in jobs.items()))
            await self._try(self._hang_up())
            if not any(told):
                return
            if self._clock() >= until:
                logger.warning("calls are cut off", extra={"calls": sum(told)})
                return
            await asyncio.sleep(_AGAIN)

    async def close(self) -> None:
        """End the calls that nobody answers, once no job of the server runs any more."""
        until = self._clock() + LONGEST
        while await self._try(self._hang_up(last=True)) and self._clock() < until:
            pass  # whoever has come while the others were looked at

    async def _tell(self, agent: str, room: str) -> bool:
        """Tell an agent; False if its room is not open any more."""
        try:
            await self._livekit.room.send_data(
                api.SendDataRequest(
                    room=room,
                    topic=TOPIC,
                    data=b"close",
                    kind=api.DataPacket.Kind.RELIABLE,
                    destination_identities=[agent],
                )
            )
        except api.TwirpError as e:
            if e.code == api.TwirpErrorCode.NOT_FOUND:
                return False
            logger.warning("an agent is not told that it stops", extra={"reason": e.message})
        except (aiohttp.ClientError, TimeoutError) as e:
            logger.warning("an agent is not told that it stops", extra={"reason": repr(e)})
        return True

    async def _hang_up(self, *, last: bool = False) -> int:
        """Close the rooms of callers without an agent; how many there were.

        Those who hold are told first, by whoever is with them.

        Where another server takes calls, it calls an agent to them.
        """
        dispatcher = self._dispatcher
        await dispatcher.beat()  # this one takes none any more
        at, calls = await dispatcher.read()
        if dispatcher.others_serve(at):
            return 0
        gone = self._agents if last else set()
        rooms = await waiting_rooms(self._livekit, dispatcher.agent_name, at, calls, gone)
        rooms = [waiting for waiting in rooms if last or not waiting.attended]
        for waiting in rooms:
            logger.info("a caller is not answered any more", extra={"room": waiting.room.name})
            await self._livekit.room.delete_room(api.DeleteRoomRequest(room=waiting.room.name))
        return len(rooms)

    async def _try(self, work: Awaitable[int]) -> int:
        try:
            return await work
        except _FAILURES as e:
            logger.warning("callers who wait are not hung up on", extra={"reason": repr(e)})
            return 0
