"""A scripted agent: does in a room what an AgentSession does, when the test says so.

It is driven by name: state, spoken words, transcripts. So a test shows the page every state in an
order of its own, which no real agent would keep.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Self

import numpy as np
from livekit import api, rtc
from livekit.agents.types import (
    ATTRIBUTE_AGENT_STATE,
    ATTRIBUTE_TRANSCRIPTION_FINAL,
    ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID,
    TOPIC_CHAT,
    TOPIC_TRANSCRIPTION,
)

from agent.stack import Server
from agent.telemetry import TOPIC_TURN
from agent.watchdog import ATTRIBUTE_TROUBLE
from agent.web.livekit_url import LiveKit
from harness.caller import agent_token

from .visitor import Visitor

_RATE = 24_000
_FRAME = _RATE // 50  # 20 ms


class Actor:
    """An agent in a room. Use :func:`enter`."""

    def __init__(self, room: rtc.Room) -> None:
        self.room = room
        self.messages: asyncio.Queue[str] = asyncio.Queue()
        self._speaking = False
        self._source = rtc.AudioSource(_RATE, 1, queue_size_ms=100)
        self._reads: set[asyncio.Task[None]] = set()

    @property
    def guest(self) -> rtc.RemoteParticipant:
        """The person at the page."""
        (guest,) = self.room.remote_participants.values()
        return guest

    async def state(self, state: str) -> Self:
        """Announce what the agent is doing; it makes sound while it is ``speaking``."""
        self._speaking = state == "speaking"
        await self.room.local_participant.set_attributes({ATTRIBUTE_AGENT_STATE: state})
        return self

    async def trouble(self, *engines: str) -> None:
        """Announce which engines fail."""
        told = {ATTRIBUTE_TROUBLE: ",".join(engines)}
        await self.room.local_participant.set_attributes(told)

    async def heard(self, segment: str, text: str, *, final: bool, whom: str | None = None) -> None:
        """Publish what was understood of a guest so far: a stream of its own each time."""
        writer = await self.room.local_participant.stream_text(
            topic=TOPIC_TRANSCRIPTION,
            sender_identity=whom or self.guest.identity,
            attributes=_caption(segment, final=final),
        )
        await writer.write(text)
        await writer.aclose()

    @contextlib.asynccontextmanager
    async def saying(self, segment: str) -> AsyncIterator[rtc.TextStreamWriter]:
        """Publish words as they are spoken: one stream that grows."""
        writer = await self.room.local_participant.stream_text(
            topic=TOPIC_TRANSCRIPTION,
            sender_identity=self.room.local_participant.identity,
            attributes=_caption(segment, final=False),
        )
        yield writer
        if self.room.isconnected():  # it may have been taken out of the room meanwhile
            await writer.aclose(attributes=_caption(segment, final=True))

    async def tell(self, record: dict[str, Any]) -> None:
        """Publish a record, as the agent's telemetry does."""
        await self.room.local_participant.send_text(json.dumps(record), topic=TOPIC_TURN)

    async def until(self, **attributes: str) -> None:
        """Wait for attributes of the guest; an underscore stands for a dot."""
        wanted = {name.replace("_", "."): value for name, value in attributes.items()}
        changed = asyncio.Event()
        self.room.on("participant_attributes_changed", lambda *_: changed.set())
        async with asyncio.timeout(10):
            while not wanted.items() <= dict(self.guest.attributes).items():
                await changed.wait()
                changed.clear()

    def _read(self, reader: rtc.TextStreamReader, _: str) -> None:
        async def read() -> None:
            self.messages.put_nowait(await reader.read_all())

        task = asyncio.create_task(read())
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)

    async def _sound(self) -> None:
        """Send frames in real time: something with the rise and fall of syllables, or silence."""
        seconds = np.arange(_FRAME) / _RATE
        at = 0.0
        while True:
            syllables = np.abs(np.sin(np.pi * 2.5 * (at + seconds)))
            voice = sum(np.sin(2 * np.pi * f * (at + seconds)) / f for f in (140, 280, 560, 1120))
            wave = voice / np.max(np.abs(voice)) * syllables * 12_000 * self._speaking
            frame = rtc.AudioFrame(wave.astype(np.int16).tobytes(), _RATE, 1, _FRAME)
            await self._source.capture_frame(frame)
            at += _FRAME / _RATE


async def greet(visitor: Visitor, actor: Actor) -> None:
    """Say something that the visitor hears, then listen.

    livekit-server drops text for a participant whose data channel is still opening, some 50 ms
    after it has entered; a voice that arrives shows that this is over.
    """
    await actor.state("speaking")
    await visitor.loud("voice")
    await actor.state("listening")
    await visitor.agent("listening")


@contextlib.asynccontextmanager
async def enter(livekit: LiveKit, room_name: str, identity: str = "agent") -> AsyncIterator[Actor]:
    """Bring an actor into a room."""
    server = Server(livekit.url, livekit.api_key, livekit.api_secret)
    room = rtc.Room()
    actor = Actor(room)
    room.register_text_stream_handler(TOPIC_CHAT, actor._read)
    await room.connect(server.url, agent_token(server, room_name, identity))
    track = rtc.LocalAudioTrack.create_audio_track("voice", actor._source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(track, options)
    sound = asyncio.create_task(actor._sound())
    try:
        yield actor
    finally:
        sound.cancel()
        await asyncio.gather(sound, return_exceptions=True)
        await room.disconnect()


async def remove(livekit: LiveKit, room: str, identity: str) -> None:
    """Take an actor out of its room, though it has not left."""
    async with api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret) as client:
        await client.room.remove_participant(
            api.RoomParticipantIdentity(room=room, identity=identity)
        )


def _caption(segment: str, *, final: bool) -> dict[str, str]:
    return {
        ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: segment,
        ATTRIBUTE_TRANSCRIPTION_FINAL: str(final).lower(),
    }
