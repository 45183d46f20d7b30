"""What the model can do in a call over a media stream, and what the caller's keys mean in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from livekit.agents import AgentSession
from livekit.agents.llm import Tool, Toolset
from livekit.plugins.turn_taking import Floor
from livekit.plugins.turn_taking.conduct.waiting import Pending
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from agent.phone_settings import PhoneSettings
from agent.settings import Language
from agent.telephony.call import Call
from agent.telephony.call_tools import CallTools, nowhere_else
from agent.telephony.hold_music import melody
from agent.telephony.keys import OnKey

logger = logging.getLogger("parley")

_KEYS_SECONDS = 3.0
"""Pause after which the keys that were pressed are taken as they are; the hash key ends them at
once. Phone menus wait as long."""
_LOOK_EVERY = 0.05
"""Seconds between looks for a silence in which music can begin."""
_ROUNDS = 10
"""Times that the music on hold can be played: longer than a caller can be held."""


class StreamKeys:
    """Keys of the phone: of whoever listens to them, else an answer to what the agent said.

    Each pause or hash key makes an answer of those before it.

    Args:
        session: The conversation.
    """

    def __init__(self, session: AgentSession[Any]) -> None:
        self._session = session
        self._keys = ""
        self._pause = Pending()
        self._listeners: list[OnKey] = []

    async def aclose(self) -> None:
        """Wait for no more keys; may be called twice."""
        await self._pause.aclose()

    def listen(self, pressed: OnKey) -> Callable[[], None]:
        """Have a function called with each key, which is no answer then.

        Returns:
            What ends it; may be called twice.
        """
        self._listeners.append(pressed)

        def end() -> None:
            if pressed in self._listeners:
                self._listeners.remove(pressed)

        return end

    def press(self, key: str) -> None:
        """Take a key; who answers with one needs no more of what is being said."""
        if self._listeners:
            for listener in list(self._listeners):
                listener(key)
            return
        with contextlib.suppress(RuntimeError):  # it may not be interrupted
            self._session.interrupt()
        if key != "#":
            self._keys += key
            self._pause.start(self._after_pause())
        else:
            self._pause.cancel()
            self._answer()

    async def _after_pause(self) -> None:
        await asyncio.sleep(_KEYS_SECONDS)
        self._answer()

    def _answer(self) -> None:
        keys, self._keys = self._keys, ""
        if keys:
            keyed = f"(I keyed in {' '.join(keys)} on my phone.)"
            with contextlib.suppress(RuntimeError):  # the call ends
                self._session.generate_reply(user_input=keyed)


class StreamCall(Call):
    """A call over a provider's media stream.

    A stream carries sound and the caller's keys, and ends: there is no message to transfer a call,
    to press keys at the other end or to place another call.

    Args:
        settings: The profile's settings of the phone.
        session: The session of the conversation.
        keys: Tells of the keys that the caller presses.
        language: The caller's language, or None while it is not known.
        floor: The session's turn-taking, which plays the music.
    """

    def __init__(
        self,
        settings: PhoneSettings,
        session: AgentSession[Any],
        keys: StreamKeys,
        language: Language | None,
        floor: Floor,
    ) -> None:
        super().__init__(settings, session, keys, language)
        self._floor = floor

    @property
    def tools(self) -> list[Tool | Toolset]:
        """What the model can do in the call, of what the settings give to it."""
        if missing := nowhere_else(self.settings.tools):
            logger.info("a media stream has no such tools", extra={"tools": missing})
        return CallTools(self).offered()

    @contextlib.asynccontextmanager
    async def music(self) -> AsyncIterator[None]:
        """Play music on hold, once what is being said is over."""
        await self.until_hang_up(self._begin_music())
        try:
            yield
        finally:
            self._floor.end_aside()

    async def _begin_music(self) -> None:
        music = np.tile(melody(SAMPLE_RATE), _ROUNDS)
        while not self._floor.say_aside(music):  # noqa: ASYNC110 - the loudspeaker tells nobody
            await asyncio.sleep(_LOOK_EVERY)
