"""Who waits for a place, in which order, and what they meet."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from typing import Self

from livekit import api, rtc

from ...full_house_settings import FullHouseSettings
from ...languages import Language, language_named
from ...recovery import CallBook, Dispatcher, StoreError
from ...recovery.waiting import WaitingRoom, waiting_rooms
from ...recovery.watch import every
from ...settings import LANGUAGE_ATTRIBUTE, Settings
from ..details import Details, Outcome, turned_away
from ..dial import Dialler
from ..ledger import LedgerError, open_ledger
from ..no_answer import NoAnswer
from ..numbers import NotAllowed
from .announcer import Announcer
from .attendant import Attendant, Holding, token

logger = logging.getLogger("parley")

_LOOK = 1.0
"""Seconds between two looks at who waits."""

ASKED = 1.0
"""Seconds after which LiveKit has asked every agent server whether it takes a call."""

_MINE = 15.0
"""Seconds for which nobody else sends an attendant: one is in the room by then."""

_GOODBYES = 20.0
"""Seconds for the last words to all who hold."""


class WaitingLine:
    """Sees to callers by phone for whom there is no place, for as long as its context lasts.

    Args:
        profile: The profile.
        livekit: LiveKit's API.
        book: The calls in progress.
        dispatcher: The server's side of it, which calls agents to those who have waited longest.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        profile: Settings,
        livekit: api.LiveKitAPI,
        book: CallBook,
        dispatcher: Dispatcher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._profile, self._livekit, self._book = profile, livekit, book
        self._dispatcher, self._clock = dispatcher, clock
        self._announcer = Announcer(profile.tts)
        self._seen: dict[str, float] = {}
        """When each of the rooms was first seen to wait, by its sid."""
        self._holding: dict[str, Attendant] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    @property
    def settings(self) -> FullHouseSettings:
        """What callers meet."""
        return self._profile.phone.full_house

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(every(_LOOK, self.look))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_looking()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._announcer.aclose()

    async def close(self) -> None:
        """End the line, with a word unless another server goes on with it: this one stops."""
        await self._stop_looking()
        try:
            at, _ = await self._book.read()
            goes_on = self._dispatcher.others_serve(at)
        except StoreError:
            goes_on = False
        if not goes_on:
            for attendant in self._holding.values():
                attendant.close()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_GOODBYES)

    async def look(self) -> None:
        """See who waits, and what is to be done about each."""
        free = self._dispatcher.free()
        if free > 0 and not self._holding:
            return
        at, calls = await self._book.read()
        if self._dispatcher.draining() and self._dispatcher.others_serve(at):
            return  # they see to it
        rooms = [
            waiting
            for waiting in await waiting_rooms(
                self._livekit, self._dispatcher.agent_name, at, calls
            )
            if not ((call := calls.get(waiting.room.name)) and call.state == "called")
        ]
        now = self._clock()
        self._seen = {each.room.sid: self._seen.get(each.room.sid, now) for each in rooms}
        for position, waiting in enumerate(rooms, 1):
            if attendant := self._holding.get(waiting.room.sid):
                attendant.move(position)
            # To the first of them agents are called anyway.
            elif position > free and not waiting.attended:
                await self._see_to(waiting, position, now - self._seen[waiting.room.sid])

    async def _see_to(self, waiting: WaitingRoom, position: int, waited: float) -> None:
        then, ring = self.settings.then, self.settings.ring
        if self._dispatcher.draining():  # and nobody else takes calls: there will be no place
            then, ring = "busy", 0.0
        if waited < max(ring, ASKED):
            return
        full = then == "queue" and len(self._holding) >= self.settings.callers
        if then == "busy" or full:
            logger.info("a caller finds the line busy", extra={"room": waiting.room.name})
            await self._livekit.room.delete_room(api.DeleteRoomRequest(room=waiting.room.name))
            await self._keep(waiting, "busy", "no place")
        elif await self._book.attend(waiting.room.sid, self._dispatcher.server, _MINE):
            self._hold(waiting, position)

    def _hold(self, waiting: WaitingRoom, position: int) -> None:
        settings = self.settings
        room = waiting.room.name
        logger.info("a caller holds", extra={"room": room, "position": position})
        holding = Holding(
            room,
            self._language_of(waiting),
            settings.longest if settings.then == "queue" else 0.0,
            (lambda caller: self._send_on(room, caller)) if settings.number else None,
        )
        attendant = Attendant(holding, self._announcer, self._livekit, position)
        self._holding[waiting.room.sid] = attendant
        task = asyncio.create_task(self._attend(waiting, attendant))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attend(self, waiting: WaitingRoom, attendant: Attendant) -> None:
        room = waiting.room
        url, key, secret = (os.environ[f"LIVEKIT_{x}"] for x in ("URL", "API_KEY", "API_SECRET"))
        try:
            outcome = await attendant.run(url, token(room.name, key, secret))
            logger.info("a caller holds no more", extra={"room": room.name, "why": outcome})
            if outcome == "sent on":
                await self._keep(waiting, "transferred", "agent")
            elif outcome != "agent":  # whose record has it
                await self._keep(waiting, "abandoned", "caller" if outcome == "gone" else outcome)
        except rtc.ConnectError as e:
            logger.warning("nobody is with a caller who holds", extra={"reason": str(e)})
        except Exception:
            logger.exception("nobody is with a caller who holds")
        finally:
            del self._holding[room.sid]

    async def _keep(self, waiting: WaitingRoom, outcome: Outcome, cause: str) -> None:
        details = Details(self._profile.post_call, waiting.room.name)
        for caller in waiting.callers:
            await details.keep(turned_away(caller, outcome, cause, time.time()))

    async def _send_on(self, room: str, caller: str) -> bool:
        number = self.settings.number
        assert number
        profile = self._profile
        details = Details(profile.post_call, room)
        dialler = Dialler(profile.phone, self._livekit, open_ledger(profile), room, details)
        try:
            await dialler.transfer(number, room=room, identity=caller)
        except (NoAnswer, NotAllowed, LedgerError) as e:
            logger.warning("a caller is not sent on", extra={"room": room, "reason": str(e)})
            return False
        finally:
            await dialler.aclose()
        logger.info("a caller is sent on", extra={"room": room})
        return True

    def _language_of(self, waiting: WaitingRoom) -> Language:
        told = language_named(waiting.callers[0].attributes.get(LANGUAGE_ATTRIBUTE))
        profile = self._profile
        language = told or profile.phone.language or profile.default_language or "en"
        return profile.tts.spoken(language)

    async def _stop_looking(self) -> None:
        if self._looking:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
