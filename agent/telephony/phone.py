"""The phone in one conversation: what the model is told of it, what it can do, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from livekit import api, rtc
from livekit.agents import AgentSession
from livekit.agents.llm import Tool

from ..settings import Language, PhoneSettings
from .call import STATUS, Call
from .clock import CallClock
from .dial import Dialler
from .ledger import Ledger
from .phrases import phrases
from .tools import PhoneTools

logger = logging.getLogger("parley")


class Phone:
    """Made for every conversation: somebody at a browser can have calls placed, too.

    Args:
        settings: The profile's.
        room: Where the conversation is.
        server: LiveKit's API.
        caller: Identity of the user in the room.
        call: The user's call; None if they are not on the phone.
        language: Of the user; English while it is not known.
    """

    def __init__(
        self,
        settings: PhoneSettings,
        room: rtc.Room,
        server: api.LiveKitAPI,
        *,
        caller: str,
        call: Call | None,
        language: Language | None,
    ) -> None:
        self.settings, self.room, self.server = settings, room, server
        self.caller, self.call = caller, call
        self.language: Language = language or "en"
        self.dialler = Dialler(settings, server, Ledger(settings))
        self._session: AgentSession[Any] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._companion: str | None = None

    @property
    def tools(self) -> list[Tool]:
        """What the model can do on the phone."""
        return PhoneTools(self).offered()

    def described(self) -> str:
        """What the model is told: the call, and whom it can be handed to."""
        parts = [self.call.described(self.language)] if self.call else []
        if self.settings.destinations:
            names = ", ".join(
                f"{name} ({known.about})" if known.about else name
                for name, known in self.settings.destinations.items()
            )
            parts.append(
                f"可以转接的对象：{names}。"
                if self.language == "zh"
                else f"You can reach: {names}."
            )
        return " ".join(parts)

    def follow(self, language: Language) -> None:
        """Go on in another language."""
        self.language = language

    @property
    def session(self) -> AgentSession[Any]:
        """The conversation, once it has begun."""
        assert self._session is not None
        return self._session

    def start(self, session: AgentSession[Any]) -> None:
        """Watch over the conversation that has begun."""
        self._session = session
        if self.call is None:
            return
        logger.info("a call began", extra={"call": self.call.id})
        self.room.on("participant_disconnected", self._on_left)
        self.room.on("participant_attributes_changed", self._on_attributes)
        clock = CallClock(self.settings.max_minutes * 60, self.settings.warning)
        self.own(clock.run(self._warn, self.end))

    def own(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something until the conversation ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def hang_up(self) -> None:
        """End the call now: with the session the room closes, and with it the line."""
        self.session.shutdown(drain=False)

    def leave_alone(self, companion: str) -> None:
        """Be silent while the caller talks with somebody else, until either hangs up."""
        self._companion = companion
        self.session.output.set_audio_enabled(False)

    async def end(self) -> None:
        """End the call, its time being up."""
        logger.info("the call has reached its limit")
        self.hang_up()

    async def aclose(self) -> None:
        """Watch no more."""
        self.room.off("participant_disconnected", self._on_left)
        self.room.off("participant_attributes_changed", self._on_attributes)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _warn(self) -> None:
        await self.session.say(phrases(self.language).ending_soon)

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        # Whatever the reason: LiveKit's own rule keeps the session for a caller who lost their
        # connection, but a line that broke down does not come back.
        if participant.identity in (self.caller, self._companion):
            self.hang_up()

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity == self.caller and changed.get(STATUS) == "hangup":
            self.hang_up()
