"""Several people in a room: hearing each of them, and telling the model who said what."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from livekit import rtc
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    UserStateChangedEvent,
    llm,
    vad,
)
from livekit.agents.job import DEFAULT_PARTICIPANT_KINDS
from livekit.agents.types import TOPIC_CHAT
from livekit.agents.utils.aio import cancel_and_wait
from livekit.agents.voice.io import AudioInput
from livekit.agents.voice.room_io import RoomIO

from ..microphone import Microphone
from .attention import Attention
from .typed import TypedLines, read_line
from .waiting import Pending, report

SPEAKER = "speaker"
"""Key in a message's ``extra`` under which the name of who said it is kept."""

NAMES = (
    "Several people are in the room. Each message begins with the name of who said it, like"
    " [Anna]. Never begin an answer of yours with a name in brackets."
)
"""What the model is told once there are several."""

_RATE, _FRAME_MS = 24_000, 50
"""LiveKit's own input, which what was missed is put into."""
_KEPT = 15.0
"""Seconds of each person's sound that are kept, for one who waits to be turned to."""
_ONSET = 0.4
"""Seconds of sound from before a detector was sure of speech."""
_LONGEST_NAME = 40
"""Characters of a name that the model is told: whoever joins chooses theirs."""
_COMMIT_TIMEOUT = 1.0
"""Seconds to wait for the transcript of the one who is turned away from."""


class Participants:
    """Turns to whoever speaks to the agent.

    The session listens to one participant; this moves it to another one, without a word lost:
    everybody's latest seconds are kept. Alone with one person it does nothing.

    Args:
        session: The conversation, not started yet. Start it with ``text_input=False``: what
            anybody types is taken here.
        room: Where everybody is.
        microphone: Of the one who is listened to. Others are detected as that one is, while there
            are several people.
        telling_pauses: Entered while the words of one who pauses are taken down for another.
    """

    def __init__(
        self,
        session: AgentSession[Any],
        room: rtc.Room,
        microphone: Microphone,
        telling_pauses: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._session = session
        self._room = room
        self._detector = microphone.detector
        self._telling_pauses = telling_pauses
        self._attention = Attention()
        self._numbers: dict[str, int] = {}
        self._listening: dict[tuple[str, str], asyncio.Task[None]] = {}
        """To the others, by person and track."""
        self._typed = TypedLines(session, self._turn_to_typist)
        self._latest: dict[str, deque[rtc.AudioFrame]] = {}
        self._turning = Pending()
        self._input: _CatchUp | None = None
        self._taken_down = asyncio.Event()
        """Set while there is a message for all that the one who is listened to has said."""
        self._taken_down.set()
        # Before LiveKit's own handler, which ends the session with the one it listens to.
        room.on("participant_disconnected", self._on_left)
        for event in ("participant_connected", "track_subscribed", "track_unsubscribed"):
            room.on(event, self._look)
        room.on("track_muted", self._on_muted)
        room.register_text_stream_handler(TOPIC_CHAT, self._on_text)
        session.on("conversation_item_added", self._on_item)
        session.on("user_state_changed", self._on_user_state)
        session.on("agent_state_changed", self._on_agent_state)
        self._no_more_voice = microphone.listen(self._on_voice)

    async def aclose(self) -> None:
        """Stop hearing anybody; may be called twice."""
        self._no_more_voice()
        self._room.unregister_text_stream_handler(TOPIC_CHAT)
        await self._turning.aclose()
        await self._typed.aclose()
        await cancel_and_wait(*self._listening.values())

    def attributed(self, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """The conversation with a name before what each person said, once there are several."""
        if len(self._numbers) < 2:
            return chat_ctx
        self._agree()
        here = self._name(self._attention.to)
        shown = llm.ChatContext.empty()
        for item in chat_ctx.items:
            if item.type == "message" and item.role == "user":
                words = f"[{item.extra.get(SPEAKER) or here}] {item.text_content or ''}"
                sounds = [part for part in item.content if not isinstance(part, str)]
                item = item.model_copy(update={"content": [words, *sounds]})
            elif item.type == "message" and item.role == "system":
                item = item.model_copy(update={"content": [*item.content, NAMES]})
            shown.items.append(item)
        return shown

    @property
    def _people(self) -> list[rtc.RemoteParticipant]:
        people = self._room.remote_participants.values()
        return [person for person in people if person.kind in DEFAULT_PARTICIPANT_KINDS]

    @property
    def _links(self) -> RoomIO | None:
        """The session's link with the room; None once it has closed, while people come and go."""
        try:
            return self._session.room_io
        except RuntimeError:
            return None

    def _hear(self, identity: str) -> None:
        if links := self._links:
            links.set_participant(identity)

    def _name(self, identity: str | None) -> str:
        person = self._room.remote_participants.get(identity or "")
        if person and (name := _plain(person.name)):
            return name
        return f"Guest {self._numbers.get(identity or '', 1)}"

    def _look(self, *_: object) -> None:
        """Hear everybody while there are several, and nobody twice: one by the microphone."""
        people = self._people
        for person in people:
            self._numbers.setdefault(person.identity, len(self._numbers) + 1)
            self._attention.arrives(person.identity)
        if self._input is None:
            return
        tracks = {
            (person.identity, publication.sid): publication.track
            for person in people
            if len(people) > 1 and person.identity != self._attention.to
            for publication in person.track_publications.values()
            if publication.track and publication.source == rtc.TrackSource.SOURCE_MICROPHONE
        }
        for key in self._listening.keys() - tracks.keys():
            self._listening.pop(key).cancel()
        for key in tracks.keys() - self._listening.keys():
            task = asyncio.create_task(self._listen(key[0], tracks[key]))
            task.add_done_callback(report)
            self._listening[key] = task

    async def _listen(self, identity: str, track: rtc.Track) -> None:
        clock = asyncio.get_running_loop().time
        latest = self._latest[identity] = deque(maxlen=int(_KEPT * 1000 / _FRAME_MS))
        sound = rtc.AudioStream(track, sample_rate=_RATE, num_channels=1, frame_size_ms=_FRAME_MS)
        detected = self._detector.stream()

        async def feed() -> None:
            async for event in sound:
                latest.append(event.frame)
                detected.push_frame(event.frame)

        feeding = asyncio.create_task(feed())
        try:
            async for event in detected:
                self._agree()
                self._voice(identity, event)
        finally:
            self._attention.pauses(identity, clock())
            await cancel_and_wait(feeding)
            await detected.aclose()
            await sound.aclose()

    def _on_voice(self, event: vad.VADEvent) -> None:
        self._agree()
        if self._attention.to:
            self._voice(self._attention.to, event)

    def _voice(self, identity: str, event: vad.VADEvent) -> None:
        now = asyncio.get_running_loop().time()
        if event.type is vad.VADEventType.START_OF_SPEECH:
            self._attention.speaks(identity, now - event.speech_duration)
        elif event.type is vad.VADEventType.END_OF_SPEECH:
            self._attention.pauses(identity, now - event.silence_duration)
        else:
            return
        self._consider()

    def _agree(self) -> None:
        """Attend to whom LiveKit chose to begin with: the first who came."""
        links = self._links if self._input else None
        linked = links.linked_participant if links else None
        if linked and self._attention.to != linked.identity:
            self._attention.turn(linked.identity)
            self._look()

    def _turn_to(self, identity: str) -> None:
        self._attention.turn(identity)
        self._hear(identity)
        self._look()

    def _consider(self) -> None:
        if due := self._attention.due():
            self._turning.start(self._turn(*due))
        else:
            self._turning.cancel()

    async def _turn(self, at: float, identity: str, began: float) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(at - clock())
        if not self._taken_down.is_set():
            # What the other one said so far is theirs; the answer is to both.
            with self._telling_pauses():
                words = self._session.commit_user_turn(
                    skip_reply=True, transcript_timeout=_COMMIT_TIMEOUT
                )
                if await words:
                    await self._taken_down.wait()
        assert self._input
        missed = int((clock() - began + _ONSET) * 1000 / _FRAME_MS)
        self._input.catch_up(list(self._latest[identity])[-missed:])
        self._turn_to(identity)

    def _on_left(self, person: rtc.RemoteParticipant) -> None:
        self._agree()
        was, now = self._attention.to, self._attention.leaves(person.identity)
        if now and was == person.identity and self._input:
            self._hear(now)
        self._look()

    def _on_muted(self, person: rtc.Participant, _: object) -> None:
        # Who mutes in the middle of a word is never heard to pause: no more sound comes.
        self._attention.pauses(person.identity, asyncio.get_running_loop().time())
        self._consider()

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        source = self._session.input.audio
        if source and self._input is None:
            # The session has started, and has its input from LiveKit.
            self._input = self._session.input.audio = _CatchUp(source)
            self._look()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._taken_down.clear()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if event.item.type == "message" and event.item.role == "user":
            self._taken_down.set()
            self._agree()
            event.item.extra.setdefault(SPEAKER, self._name(self._attention.to))

    def _on_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        if not self._typed.takes(identity):
            reader.close()
            return

        async def read() -> str | None:
            try:
                text = await read_line(reader)
            except rtc.StreamError:  # who typed has left
                return None
            return text if identity in {person.identity for person in self._people} else None

        self._typed.add(identity, read())

    def _turn_to_typist(self, identity: str) -> None:
        if identity != self._attention.to:
            self._attention.turn(identity)
            self._hear(identity)


def _plain(name: str) -> str:
    """A name as the model may read it before somebody's words: nothing in it ends the brackets."""
    kept = "".join(c if c.isalnum() or c in " .'’-" else " " for c in name)
    return " ".join(kept.split())[:_LONGEST_NAME].rstrip()


class _CatchUp(AudioInput):
    """An input that can be given sound which came before its next frame."""

    def __init__(self, source: AudioInput) -> None:
        super().__init__(label="CatchUp", source=source)
        self._missed: deque[rtc.AudioFrame] = deque()

    def catch_up(self, frames: list[rtc.AudioFrame]) -> None:
        """Let these be heard next, at once."""
        self._missed.extend(frames)

    async def __anext__(self) -> rtc.AudioFrame:
        if not self._missed:
            frame = await super().__anext__()
            if not self._missed:
                return frame
            self._missed.append(frame)
        return self._missed.popleft()
