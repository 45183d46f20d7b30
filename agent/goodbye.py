"""The last words of a conversation: those at its own end, and those when the agent server stops."""

from __future__ import annotations

import contextlib
import logging
from asyncio import timeout
from collections.abc import Callable
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession
from livekit.plugins.turn_taking.conduct.waiting import Pending

logger = logging.getLogger("parley")

TOPIC = "parley.closing"
"""Topic of the message by which an agent server tells its agents to end their calls."""

LONGEST = 15.0
"""Seconds that calls have to end: for 3 s something is finished, and the last sentence takes 6 s of
a voice on a processor. After that they are cut off."""

_PATIENCE = 3.0
"""Seconds for a sentence that is being said to end, where the server waits to stop."""


class Closing:
    """Ends a conversation after a word when the agent server says so.

    Args:
        room: The room of the conversation.
        session: The conversation.
        goodbye: Gives the last words, in the language that is spoken.
    """

    def __init__(
        self, room: rtc.Room, session: AgentSession[Any], goodbye: Callable[[], str]
    ) -> None:
        self._room, self._session, self._goodbye = room, session, goodbye
        self._ending = Pending()
        self._told = False
        room.on("data_received", self._on_data)

    async def aclose(self) -> None:
        """Listen no more; may be called twice."""
        self._room.off("data_received", self._on_data)
        await self._ending.aclose()

    def _on_data(self, packet: rtc.DataPacket) -> None:
        # Of a participant it would have one; LiveKit's API, which the server has, is nobody.
        if packet.topic != TOPIC or packet.participant is not None or self._told:
            return
        self._told = True  # it is told again and again until the call has ended
        logger.info("the call ends, for the agent server stops")
        self._ending.start(self._end())

    async def _end(self) -> None:
        await stop_after_a_word(self._session, self._goodbye)


async def stop_after_a_word(session: AgentSession[Any], goodbye: Callable[[], str]) -> None:
    """End a conversation whose server stops.

    Args:
        session: The conversation.
        goodbye: Gives its last words, in the language that is spoken.
    """
    await _idle(session, _PATIENCE)
    await session.interrupt(force=True)
    # Of a call that was handed over the two people hear it, whom the agent does not speak with.
    session.output.set_audio_enabled(True)
    await session.say(goodbye(), allow_interruptions=False)
    # What the user has said over it is not answered any more.
    session.shutdown(drain=False)


async def say_goodbye(session: AgentSession[Any], text: str, patience: float) -> None:
    """End a conversation, once what is being answered is answered.

    Args:
        session: The conversation.
        text: Its last words.
        patience: Seconds that whoever speaks has before they are said over them.
    """
    await _idle(session, patience)
    await session.say(text, allow_interruptions=False)
    session.shutdown()


async def _idle(session: AgentSession[Any], patience: float) -> None:
    with contextlib.suppress(TimeoutError):  # of somebody who goes on speaking
        async with timeout(patience):
            await session.wait_for_idle()
