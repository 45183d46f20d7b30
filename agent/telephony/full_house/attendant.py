"""Whoever is with a caller that holds: music, the position, and what comes at the end of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from livekit import api, rtc
from livekit.agents import AudioConfig, BackgroundAudioPlayer
from livekit.agents.voice.background_audio import PlayHandle

from ...languages import Language, words
from ...recovery.waiting import ATTENDANT
from ..hold_music import music
from ..sip_call import HungUp, wait_until_answered
from .announcer import Announcer

_ANSWERED = 15.0
"""Seconds from the first sound to the caller's line being open."""

_AGAIN = 45.0
"""Seconds after which a caller is told their position once more, though it is the same."""

_LAST_WORDS = 15.0
"""Seconds for the last sentence."""

_BUFFER = 0.5
"""Seconds of sound that LiveKit's player has in hand when it says that it is done."""

Outcome = Literal["agent", "gone", "late", "closing", "sent on"]
"""``agent``: one has come. ``gone``: the caller has hung up. ``late``: nobody was free for as long
as a caller may hold. ``closing``: the server stops. ``sent on``: they were transferred."""

Transfer = Callable[[str], Awaitable[bool]]
"""Sends a caller of that identity elsewhere; False if that fails."""


@dataclass(frozen=True)
class Holding:
    """Who holds where, and for how long."""

    room: str
    language: Language
    longest: float
    """Seconds; 0 for those who are sent elsewhere at once."""
    transfer: Transfer | None = None
    """Sends them elsewhere after that; None to ask them to call again."""


class Attendant:
    """Is with the callers of one room.

    Args:
        holding: Who they are.
        announcer: Speaks to them.
        server: LiveKit's API.
        position: Where they stand in the line, from 1 on.
    """

    def __init__(
        self, holding: Holding, announcer: Announcer, server: api.LiveKitAPI, position: int = 1
    ) -> None:
        self._holding, self._announcer, self._server = holding, announcer, server
        self._position = position
        self._moved, self._ended = asyncio.Event(), asyncio.Event()
        self._outcome: Outcome = "gone"
        self._room = rtc.Room()
        self._sound: PlayHandle | None = None
        """What is heard."""

    def move(self, position: int) -> None:
        """Tell them, if they have moved in the line."""
        if position != self._position:
            self._position = position
            self._moved.set()

    def close(self) -> None:
        """Say goodbye, for the server stops."""
        self._end("closing")

    async def run(self, url: str, token: str) -> Outcome:
        """Be with them until an agent comes, they hang up, or it has been long enough.

        Args:
            url: LiveKit's address.
            token: For the room.

        Raises:
            livekit.rtc.ConnectError: LiveKit cannot be reached.
        """
        for event in ("participant_connected", "participant_disconnected", "track_published"):
            self._room.on(event, self._look)
        self._room.on("disconnected", lambda *_: self._end("gone"))
        await self._room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
        try:
            self._look()
            if not self._ended.is_set():
                async with _playing(self._room) as player:
                    await self._hold(player)
                    if self._outcome in ("late", "closing"):
                        await self._leave(player)
            return self._outcome
        finally:
            await self._room.disconnect()

    async def _hold(self, player: BackgroundAudioPlayer) -> None:
        if not self._holding.longest:
            self._end("late")
            return
        talking = asyncio.create_task(self._talk(player))
        try:
            async with asyncio.timeout(self._holding.longest):
                await self._ended.wait()
        except TimeoutError:
            self._end("late")
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)

    async def _talk(self, player: BackgroundAudioPlayer) -> None:
        await self._play(player, None)
        await self._until_open()
        language = self._holding.language
        while True:
            self._moved.clear()
            text = words(language).phone.queue.format(position=self._position)
            if sound := await self._announcer.say(text, language):
                await (await self._play(player, sound))
                await self._play(player, None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN):
                    await self._moved.wait()

    async def _until_open(self) -> None:
        with contextlib.suppress(TimeoutError, HungUp):
            async with asyncio.timeout(_ANSWERED):
                for caller in self._callers():
                    await wait_until_answered(self._room, caller)

    async def _leave(self, player: BackgroundAudioPlayer) -> None:
        await self._until_open()
        say = words(self._holding.language)
        if self._outcome == "late" and (transfer := self._holding.transfer):
            await self._say(player, say.phone.transferring)
            if all([await transfer(caller.identity) for caller in self._callers()]):
                self._outcome = "sent on"
        if self._outcome != "sent on":
            closing = self._outcome == "closing"
            await self._say(player, say.assistant.closing if closing else say.phone.nobody_free)
        # Of those who were sent on, too: until they are gone they would be seen to wait again.
        with contextlib.suppress(api.TwirpError):  # they have hung up
            await self._server.room.delete_room(api.DeleteRoomRequest(room=self._holding.room))

    async def _say(self, player: BackgroundAudioPlayer, text: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                if sound := await self._announcer.say(text, self._holding.language):
                    await (await self._play(player, sound))
                    await asyncio.sleep(_BUFFER)

    async def _play(
        self, player: BackgroundAudioPlayer, sound: AsyncIterator[rtc.AudioFrame] | None
    ) -> PlayHandle:
        """Play something in place of what is heard; music if it is None."""
        if before := self._sound:
            before.stop()
            await before
        audio = AudioConfig(music(), fade_in=0.3, fade_out=0.3) if sound is None else sound
        self._sound = player.play(audio)
        return self._sound

    def _callers(self) -> list[rtc.RemoteParticipant]:
        sip = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        return [each for each in self._room.remote_participants.values() if each.kind == sip]

    def _look(self, *_: object) -> None:
        """See whether anybody still holds here, and whether an agent is about to speak."""
        agent = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        others = self._room.remote_participants.values()
        if any(each.kind == agent and each.track_publications for each in others):
            self._end("agent")
        elif not self._callers():
            self._end("gone")

    def _end(self, outcome: Outcome) -> None:
        if not self._ended.is_set():
            self._outcome = outcome
            self._ended.set()


@contextlib.asynccontextmanager
async def _playing(room: rtc.Room) -> AsyncIterator[BackgroundAudioPlayer]:
    player = BackgroundAudioPlayer()
    await player.start(room=room)
    try:
        yield player
    finally:
        await player.aclose()


def token(room: str, api_key: str, api_secret: str) -> str:
    """A token with which an attendant enters a room, as an agent does, and hears nothing there."""
    grants = api.VideoGrants(room_join=True, room=room, agent=True, can_subscribe=False)
    made = api.AccessToken(api_key, api_secret).with_identity(ATTENDANT).with_kind("agent")
    return made.with_grants(grants).to_jwt()
