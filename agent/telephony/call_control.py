"""A call in a room: what the model is told of it and can do in it, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

from livekit import api, rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.llm import Tool, Toolset
from livekit.plugins.turn_taking import Floor

from ..languages import Language, words
from ..phone_settings import PhoneSettings
from .answering_machine import CallScreening
from .arrival import User
from .call import Call
from .clock import CallClock
from .details import cause_of
from .dial import Dialler
from .hold_music import hold_music
from .keys import RoomKeys
from .saying import say
from .sip_call import STATUS
from .tools import PhoneTools

logger = logging.getLogger("parley")


class CallControl(Call):
    """Made for every conversation in a room: a user in a browser can have calls placed, too.

    Args:
        settings: The profile's settings of the phone.
        room: The room of the conversation.
        server: LiveKit's API.
        session: The session of the conversation.
        user: Whom the agent speaks with.
        dialler: Places calls; closed with the control.
        on_hand_over: Awaited when two people speak with each other and no agent is wanted.
        agent: Name of the agent, which speaks in the calls that it places, too.
    """

    def __init__(
        self,
        settings: PhoneSettings,
        room: rtc.Room,
        server: api.LiveKitAPI,
        session: AgentSession[Any],
        user: User,
        dialler: Dialler,
        on_hand_over: Callable[[], Awaitable[None]] | None = None,
        agent: str | None = None,
    ) -> None:
        super().__init__(settings, session, RoomKeys(room), user.language)
        self.room, self.server = room, server
        self.user_identity, self.sip_call = user.identity, user.sip_call
        self._outbound_call = user.outbound_call
        self._on_hand_over = on_hand_over
        self.agent = agent
        self.dialler = dialler
        self._longest = settings.max_minutes * 60
        if user.longest is not None:
            self._longest = min(self._longest, user.longest)
        self._tasks: set[asyncio.Task[None]] = set()
        self._other_party: str | None = None

    @property
    def greeting(self) -> str | None:
        """The first words of a call that was placed."""
        return self._outbound_call.message if self._outbound_call else None

    @property
    def tools(self) -> list[Tool | Toolset]:
        """What the model can do on the phone."""
        return PhoneTools(self).offered()

    def describe(self) -> str:
        """What the model is told: the call, and whom it can be handed to. Empty in a browser."""
        if self.sip_call is None:
            return ""
        parts = [self.sip_call.describe(self.language)]
        if self.settings.destinations:
            names = ", ".join(
                f"{name} ({known.about})" if known.about else name
                for name, known in self.settings.destinations.items()
            )
            parts.append(words(self.language).phone.destinations.format(names=names))
        return " ".join(parts)

    async def wait_until_answered(self) -> bool:
        """Wait until there is somebody to be greeted; False if they have gone before that.

        A caller hears the line ring until the agent's track is in the room: LiveKit's SIP service
        answers only then. In a browser there is nothing to wait for.
        """
        return self.sip_call is None or await self.sip_call.wait_until_answered(self.room)

    def set_language(self, language: Language) -> None:
        """Change the language of what is said from now on."""
        self._known_language = language

    def first_agent(self, assistant: Agent, floor: Floor) -> Agent:
        """Who begins: the assistant, or what finds out who picked up."""
        if self._outbound_call is None:
            return assistant
        return CallScreening(self._outbound_call.message, assistant, floor)

    def start(self) -> None:
        """Watch over the call: it ends when the user leaves, or when its time is up."""
        if self.sip_call is None:
            return
        logger.info("a call began", extra={"call": self.sip_call.id})
        self.room.on("participant_disconnected", self._on_left)
        self.room.on("participant_attributes_changed", self._on_attributes)
        self.spawn(self._keep_time(self.sip_call.longest))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something until the conversation ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def music(self) -> AbstractAsyncContextManager[None]:
        """Play music on hold for the room."""
        return hold_music(self.room)

    async def hand_over(self, other_party: str) -> None:
        """Connect the caller with somebody else and be silent, until either hangs up."""
        self._other_party = other_party
        # The silence between the agent and two people who talk is no reason to ask or to leave.
        self.session.options.user_away_timeout = None
        await say(self.session, words(self.language).phone.connected, allow_interruptions=False)
        self.session.output.set_audio_enabled(False)
        if self._on_hand_over:
            await self._on_hand_over()

    async def end_at_limit(self) -> None:
        """End the call because its time is used up."""
        logger.info("the call has reached its limit")
        self.hang_up()

    async def aclose(self) -> None:
        """Stop watching the call, cancel what it runs, close the dialler; may be called twice."""
        self.room.off("participant_disconnected", self._on_left)
        self.room.off("participant_attributes_changed", self._on_attributes)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.dialler.aclose()

    async def _keep_time(self, by_trunk: float | None) -> None:
        longest = self._longest
        if by_trunk is not None:  # which LiveKit counts from the first ring on
            longest = min(longest, by_trunk - await self.dialler.details.waited())
        await CallClock(longest, self.settings.warning).run(self._warn, self.end_at_limit)

    async def _warn(self) -> None:
        await say(self.session, words(self.language).phone.ending_soon)

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        self.dialler.gone(participant.identity, cause_of(participant))
        # Whatever the reason: LiveKit's own rule keeps the session for a caller who lost their
        # connection, but a line that broke down does not come back.
        if participant.identity in (self.user_identity, self._other_party):
            self.hang_up()

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity == self.user_identity and changed.get(STATUS) == "hangup":
            self.hang_up()
