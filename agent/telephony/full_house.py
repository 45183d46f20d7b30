"""What callers by phone meet when every place is taken: the busy tone, a queue, another number.

A call rings until somebody's sound is in its room. Here that is the queue's: its participant enters
with music and tells the caller how many are before them. It leaves when an agent's sound is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from livekit import api, rtc
from livekit.agents.utils.aio import cancel_and_wait

from ..languages import Language, Phone, language_named, words
from ..settings import LANGUAGE_ATTRIBUTE, PhoneSettings
from .dial import NoAnswer
from .hold_music import melody
from .numbers import NotAllowed
from .sip_call import HungUp, wait_until_answered

logger = logging.getLogger("parley")

RATE = 24_000
"""Hz of all that is played, as the voice has it."""
_AGAIN = 30.0
"""Seconds after which a caller is told once more that they are not forgotten."""
_CHANGED = 10.0
"""Seconds after which they are told that fewer are before them: not a sentence for each."""
_CLAIM = 10.0
"""Seconds for which a server is the one that attends to a call, unless it says so again."""
_FRAME = RATE // 20

Speak = Callable[[str, Language], AsyncIterator[rtc.AudioFrame]]
"""Says something in a language: mono frames of :data:`RATE`."""

Transfer = Callable[[str, str], Awaitable[None]]
"""Puts a caller, by room and identity, through to the number of ``phone.full.overflow``."""


@dataclass(frozen=True)
class Waiting:
    """A caller for whom there is no place."""

    room: str
    sid: str
    """LiveKit's identifier of the room."""
    caller: str
    """Identity of their participant in it."""
    attributes: Mapping[str, str]
    """What LiveKit's SIP service says of their call."""


@dataclass(frozen=True)
class Entrance:
    """How rooms are entered and closed.

    Args:
        url: Address of the LiveKit server.
        key: Its API key.
        secret: The key's secret.
        livekit: Its API.
    """

    url: str
    key: str
    secret: str
    livekit: api.LiveKitAPI

    async def enter(self, waiting: Waiting) -> rtc.Room:
        """Enter a caller's room; whoever has entered as the queue before leaves it."""
        token = (
            api.AccessToken(self.key, self.secret)
            .with_identity(f"queue-{waiting.sid}")
            .with_kind("agent")
            .with_grants(api.VideoGrants(room_join=True, room=waiting.room))
        )
        room = rtc.Room()
        await room.connect(self.url, token.to_jwt(), rtc.RoomOptions(auto_subscribe=False))
        return room

    async def close(self, room: str) -> None:
        """Hang up on everybody in a room: a call that rings is answered with 486."""
        with contextlib.suppress(api.TwirpError):  # it is gone
            await self.livekit.room.delete_room(api.DeleteRoomRequest(room=room))


def is_queue(identity: str) -> bool:
    """Whether a participant is the queue's."""
    return identity.startswith("queue-")


class FullHouse:
    """Attends to callers for whom there is no place, until there is one.

    Args:
        settings: The profile's settings of the phone.
        entrance: How rooms are entered.
        attends: Whether it is this server that attends to a room, by its sid, for so many seconds.
        speak: Says something.
        transfer: Puts a caller through to another number.
    """

    def __init__(
        self,
        settings: PhoneSettings,
        entrance: Entrance,
        attends: Callable[[str, float], Awaitable[bool]],
        speak: Speak,
        transfer: Transfer,
    ) -> None:
        self._settings, self._full = settings, settings.full
        self._entrance, self._attends = entrance, attends
        self._speak, self._transfer = speak, transfer
        self._positions: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def after(self) -> float:
        """Seconds that a call rings before it is attended to."""
        return self._full.after

    def ahead_of(self, room: str) -> int:
        """How many wait in the queue, but for whoever is in a room."""
        return sum(1 for waiting in self._tasks if waiting != room)

    async def update(self, waiting: Sequence[Waiting]) -> None:
        """Attend to those who wait now.

        Args:
            waiting: All of them, the longest first.
        """
        self._positions |= {each.room: n for n, each in enumerate(waiting, start=1)}
        for each in waiting:
            if each.room in self._tasks:
                await self._attends(each.sid, _CLAIM)
            elif self._full.answer == "busy":
                logger.info("a caller met a full house", extra={"room": each.room})
                await self._entrance.close(each.room)
            elif await self._attends(each.sid, _CLAIM):
                task = asyncio.create_task(self._attend(each), name="queue")
                self._tasks[each.room] = task
                task.add_done_callback(lambda _, room=each.room: self._left(room))  # type: ignore[misc]

    async def aclose(self) -> None:
        """Leave all callers; may be called twice."""
        await cancel_and_wait(*self._tasks.values())

    def _language(self, waiting: Waiting) -> Language:
        named = language_named(waiting.attributes.get(LANGUAGE_ATTRIBUTE))
        return named or self._settings.language or "en"

    def _left(self, room: str) -> None:
        self._tasks.pop(room, None)
        self._positions.pop(room, None)

    async def _attend(self, waiting: Waiting) -> None:
        logger.info("a caller waits in the queue", extra={"room": waiting.room})
        room = await self._entrance.enter(waiting)
        try:
            async with asyncio.timeout(self._full.longest):
                async with _sound(room) as source:
                    await self._entertain(waiting, room, source)
        except TimeoutError:
            async with _sound(room) as source:
                await self._give_up(waiting, source)
        except HungUp:
            pass
        except Exception:  # nobody awaits this; the caller goes on waiting for an agent
            logger.exception("the queue has lost a caller", extra={"room": waiting.room})
        finally:
            await room.disconnect()

    async def _entertain(self, waiting: Waiting, room: rtc.Room, source: rtc.AudioSource) -> None:
        """Play and tell, until an agent is there or the caller has gone.

        Raises:
            HungUp: The caller has gone.
            TimeoutError: They are to be put through to another number at once.
        """
        served = asyncio.ensure_future(_served(room, waiting.caller))
        playing = asyncio.ensure_future(self._play(waiting, room, source))
        try:
            await asyncio.wait((served, playing), return_when=asyncio.FIRST_COMPLETED)
            for done in (served, playing):
                if done.done():
                    done.result()
        finally:
            await cancel_and_wait(served, playing)

    async def _play(self, waiting: Waiting, room: rtc.Room, source: rtc.AudioSource) -> None:
        caller = room.remote_participants.get(waiting.caller)
        if caller is None:
            raise HungUp
        await wait_until_answered(room, caller)
        if self._full.answer == "overflow":
            raise TimeoutError
        say, now = words(self._language(waiting)).phone, asyncio.get_running_loop().time
        told, at = 0, now()
        for frame in _music():
            here = self._positions.get(waiting.room, 1)
            since = now() - at
            if not told or since >= _AGAIN or (here < told and since >= _CHANGED):
                await self._tell(source, _place(say, here), self._language(waiting))
                told, at = here, now()
            await source.capture_frame(frame)

    async def _give_up(self, waiting: Waiting, source: rtc.AudioSource) -> None:
        """Put the caller through to somebody else, or say goodbye."""
        say = words(self._language(waiting))
        if self._full.overflow:
            await self._tell(source, say.phone.transferring, self._language(waiting))
            await source.wait_for_playout()
            try:
                await self._transfer(waiting.room, waiting.caller)
                return
            except (NotAllowed, NoAnswer) as e:
                reason = {"room": waiting.room, "reason": str(e)}
                logger.warning("a caller cannot be put through", extra=reason)
        await self._tell(source, say.phone.nobody_free, self._language(waiting))
        await source.wait_for_playout()
        await self._entrance.close(waiting.room)

    async def _tell(self, source: rtc.AudioSource, text: str, language: Language) -> None:
        try:
            async for frame in self._speak(text, language):
                await source.capture_frame(frame)
        except Exception as e:  # a voice that fails ends no call: there is music
            logger.warning("a caller is not told their place", extra={"reason": repr(e)})


def _place(say: Phone, position: int) -> str:
    return say.next_in_queue if position == 1 else say.in_queue.format(position=position)


async def _served(room: rtc.Room, caller: str) -> None:
    """Wait until an agent's sound is in a room.

    Raises:
        HungUp: The caller has gone.
    """
    over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def end(served: bool) -> None:
        if not over.done():
            over.set_result(served)

    def look(*_: object) -> None:
        for person in room.remote_participants.values():
            agent = person.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
            if agent and person.track_publications:
                end(True)
        if caller not in room.remote_participants:
            end(False)

    def closed(*_: object) -> None:
        end(False)

    room.on("track_published", look)
    room.on("participant_disconnected", look)
    room.on("disconnected", closed)
    try:
        look()
        if not await over:
            raise HungUp
    finally:
        room.off("track_published", look)
        room.off("participant_disconnected", look)
        room.off("disconnected", closed)


@contextlib.asynccontextmanager
async def _sound(room: rtc.Room) -> AsyncIterator[rtc.AudioSource]:
    """A track of ours in a room, as long as the context lasts."""
    source = rtc.AudioSource(RATE, 1, queue_size_ms=200)
    track = rtc.LocalAudioTrack.create_audio_track("queue", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    publication = await room.local_participant.publish_track(track, options)
    try:
        yield source
    finally:
        with contextlib.suppress(Exception):  # the room may be gone
            await room.local_participant.unpublish_track(publication.sid)
        await source.aclose()


def _music() -> itertools.chain[rtc.AudioFrame]:
    sound = melody(RATE)
    frames = [
        rtc.AudioFrame(part.tobytes(), RATE, 1, len(part))
        for part in (sound[at : at + _FRAME] for at in range(0, len(sound), _FRAME))
    ]
    return itertools.chain.from_iterable(itertools.repeat(frames))
