"""A caller: joins a room as a person's client does, speaks into it, and keeps what it hears.

Everything is timed on the caller's own clock, by what it sends and receives: what the platform says
of itself is not used for any figure.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from livekit import api, rtc
from livekit.agents.types import (
    ATTRIBUTE_AGENT_STATE,
    ATTRIBUTE_TRANSCRIPTION_FINAL,
    ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID,
    TOPIC_CHAT,
    TOPIC_TRANSCRIPTION,
)
from livekit.plugins.turn_taking.conduct.backchannel import TRACK

from agent.stack import Server
from agent.telemetry import TOPIC_TURN

from .line import Line
from .recording import SAMPLE_RATE, Channel, Samples

_FRAME = SAMPLE_RATE // 100
"""10 ms, the frame of WebRTC."""


@dataclass
class Caption:
    """A piece of transcript as it stands."""

    identity: str
    text: str
    final: bool
    at: float
    """When it was last added to, in seconds from the start."""
    began: float = 0.0
    """When it began to come, likewise."""


class DelayLine:
    """What comes out of a loudspeaker and into the microphone beside it.

    Args:
        delay: Seconds from one to the other.
        level: Level of what comes in, in dB relative to what is played.
    """

    def __init__(self, delay: float, level: float) -> None:
        self._gain = 10 ** (level / 20)
        self._delay = np.zeros(int(delay * SAMPLE_RATE), np.int16)
        self._line = self._delay

    def put(self, samples: Samples) -> None:
        """Play something."""
        self._line = np.concatenate([self._line, samples])

    def take(self, count: int) -> Samples:
        """The next ``count`` samples of what comes in."""
        taken, self._line = self._line[:count], self._line[count:]
        if len(taken) < count:
            # The loudspeaker is late: what it plays next is to come after the whole delay again.
            taken = np.concatenate([taken, np.zeros(count - len(taken), np.int16)])
            self._line = self._delay
        return (taken * self._gain).astype(np.int16)


@dataclass
class Caller:
    """A person in a room. Made by :func:`join`."""

    room: rtc.Room
    identity: str
    line: Line | None = None
    """The telephone line that they speak through."""
    said: Channel = field(default_factory=Channel)
    heard: Channel = field(default_factory=Channel)
    """What the agent says."""
    backchannels: Channel = field(default_factory=Channel)
    """Its backchannels, which the turn-taking plugin puts on a track of their own."""
    captions: dict[str, Caption] = field(default_factory=dict)
    states: list[tuple[float, str]] = field(default_factory=list)
    turns: list[dict[str, Any]] = field(default_factory=list)
    """The agent's own turn records (:mod:`agent.telemetry`), with ``at``, when each came."""
    background: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    """What is heard behind them, over and over."""
    _echo: DelayLine | None = None
    _queue: asyncio.Queue[tuple[Samples, asyncio.Future[float]]] = field(
        default_factory=asyncio.Queue
    )
    _started: float = field(default_factory=time.monotonic)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def now(self) -> float:
        """Seconds from the start, on the caller's clock."""
        return time.monotonic() - self._started

    @property
    def agent(self) -> rtc.RemoteParticipant | None:
        """The agent, once it is here."""
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return next((p for p in self.room.remote_participants.values() if p.kind == kind), None)

    @property
    def state(self) -> str | None:
        """What the agent says it is doing: listening, thinking, speaking."""
        return self.agent.attributes.get(ATTRIBUTE_AGENT_STATE) if self.agent else None

    async def say(self, samples: Samples) -> float:
        """Speak.

        Returns:
            When the last sample was sent, in seconds from the start.
        """
        if self.line:
            samples = await asyncio.to_thread(self.line.carry, samples)
        sent: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((samples, sent))
        return await sent

    def echo(self, line: DelayLine | None) -> None:
        """Have the microphone pick up what is heard, or no longer."""
        self._echo = line

    async def type(self, text: str) -> None:
        """Write instead of speaking."""
        await self.room.local_participant.send_text(text, topic=TOPIC_CHAT)

    async def press(self, keys: str) -> None:
        """Press keys of the phone, as LiveKit's SIP service passes them on."""
        for key in keys:
            await self.room.local_participant.publish_dtmf(
                code="0123456789*#ABCD".index(key), digit=key
            )

    async def until(self, state: str, *, within: float = 30.0) -> float:
        """Wait for the agent to be in a state.

        Returns:
            When it was seen, in seconds from the start.

        Raises:
            TimeoutError: The agent was not in that state in time.
        """
        async with asyncio.timeout(within):
            while self.state != state:
                self._changed.clear()
                await self._changed.wait()
        return self.now

    async def tick(self) -> None:
        """Let one frame go by."""
        await asyncio.sleep(_FRAME / SAMPLE_RATE)

    async def answer(self, *, after: float, quiet: float = 1.2, within: float = 60.0) -> Samples:
        """Wait for the agent to say something and finish.

        Args:
            after: Sound before this moment is not the answer, in seconds from the start.
            quiet: Silence that ends an answer, in seconds; pauses between sentences are shorter.
            within: Longest wait, in seconds.

        Returns:
            What was heard from its first to its last sound.

        Raises:
            TimeoutError: There was no answer, or no end of it.
        """
        async with asyncio.timeout(within):
            while True:
                first = self.heard.first_sound(after)
                last = self.heard.last_sound(self.heard.duration)
                if (
                    first is not None
                    and last is not None
                    and self.now - last > quiet
                    and self.state == "listening"
                ):
                    return self.heard.between(first, last)
                await asyncio.sleep(0.05)

    def transcript(self, identity: str, *, after: float = 0.0) -> str:
        """All that someone said since a moment, by the room's captions."""
        return " ".join(
            c.text for c in self.captions.values() if c.identity == identity and c.at >= after
        )

    async def _speak(self) -> None:
        """Send a frame every 10 ms, of speech or of silence, as a microphone does."""
        source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=50)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        # On a line a second of its noise, over and over.
        silence = np.zeros(SAMPLE_RATE, np.int16)
        silence = self.line.carry(silence) if self.line else silence
        speech: Samples = silence[:0]
        sent: asyncio.Future[float] | None = None
        due, at = time.monotonic(), 0
        while True:
            if not len(speech) and not self._queue.empty():
                speech, sent = self._queue.get_nowait()
            frame, speech = speech[:_FRAME], speech[_FRAME:]
            frame = np.concatenate([frame, silence[len(frame) : _FRAME]])
            silence = np.roll(silence, -_FRAME)
            if self._echo:
                frame = frame + self._echo.take(_FRAME)
            if len(self.background):
                frame = _mixed(frame, self.background.take(range(at, at + _FRAME), mode="wrap"))
                at += _FRAME
            await source.capture_frame(rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE, 1, _FRAME))
            self.said.put(frame, self.now)
            if sent and not sent.done() and not len(speech):
                sent.set_result(self.now)
            due += _FRAME / SAMPLE_RATE
            await asyncio.sleep(max(due - time.monotonic(), 0))

    async def _hear(self, track: rtc.Track, channel: Channel) -> None:
        try:
            stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1)
        except AssertionError:
            # The client has let go of the track: the caller left just when it was subscribed to.
            return
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16).copy()
                channel.put(samples, self.now)
                if self._echo:
                    self._echo.put(samples)
        finally:
            await stream.aclose()

    async def _record(self, reader: rtc.TextStreamReader) -> None:
        self.turns.append({**json.loads(await reader.read_all()), "at": self.now})

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        attributes = reader.info.attributes or {}
        key = attributes.get(ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID, reader.info.stream_id)
        final = attributes.get(ATTRIBUTE_TRANSCRIPTION_FINAL) == "true"
        caption = self.captions[key] = Caption(identity, "", final, self.now, self.now)
        # A stream may end early when the room closes, with what was read until then.
        with contextlib.suppress(rtc.StreamError):
            async for chunk in reader:
                caption.text += chunk
                caption.at = self.now


@contextlib.asynccontextmanager
async def join(
    server: Server,
    room: str,
    *,
    identity: str = "caller",
    language: str | None = None,
    call: dict[str, str] | None = None,
    line: Line | None = None,
) -> AsyncIterator[Caller]:
    """Join a room, with an open microphone, and record what is heard.

    Args:
        server: The server that the room is on.
        room: Name of the room.
        identity: Identity of the caller.
        language: Language that the caller's client names.
        call: The attributes of a call: the caller is on the phone, as LiveKit's SIP service would
            bring them in. None for a browser.
        line: The telephone line that their voice goes through.

    Raises:
        livekit.rtc.ConnectError: The server cannot be reached or refuses.
    """
    caller = Caller(rtc.Room(), identity, line)
    token = server.token(room, identity, language)
    if call is not None:
        token = _phone_token(server, room, identity, call)
    async with asyncio.TaskGroup() as tasks, _cancelled_at_exit() as owned:

        def own(task: asyncio.Task[None]) -> None:
            owned.add(task)
            task.add_done_callback(owned.discard)

        @caller.room.on("track_subscribed")
        def _on_track(
            track: rtc.Track, publication: rtc.TrackPublication, participant: rtc.Participant
        ) -> None:
            # Others in the room are heard by the agent, not by this caller.
            is_agent = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
            if is_agent and track.kind == rtc.TrackKind.KIND_AUDIO:
                channel = caller.backchannels if publication.name == TRACK else caller.heard
                own(tasks.create_task(caller._hear(track, channel)))

        @caller.room.on("participant_attributes_changed")
        def _on_attributes(changed: dict[str, str], _: object) -> None:
            if ATTRIBUTE_AGENT_STATE in changed:
                caller.states.append((caller.now, changed[ATTRIBUTE_AGENT_STATE]))
            caller._changed.set()

        @caller.room.on("participant_connected")
        def _on_participant(_: object) -> None:
            caller._changed.set()

        caller.room.register_text_stream_handler(
            TOPIC_TRANSCRIPTION,
            lambda reader, identity: own(tasks.create_task(caller._read(reader, identity))),
        )
        caller.room.register_text_stream_handler(
            TOPIC_TURN, lambda reader, _: own(tasks.create_task(caller._record(reader)))
        )
        await caller.room.connect(server.url, token)
        own(tasks.create_task(caller._speak()))
        try:
            yield caller
        finally:
            await caller.room.disconnect()


def _mixed(one: Samples, other: Samples) -> Samples:
    both: Samples = np.clip(one.astype(np.int32) + other, -32768, 32767).astype(np.int16)
    return both


def agent_token(server: Server, room: str, identity: str = "agent") -> str:
    """A token like those that LiveKit gives to the agents it dispatches."""
    grants = api.VideoGrants(room_join=True, room=room, agent=True, can_update_own_metadata=True)
    token = api.AccessToken(server.api_key, server.api_secret)
    return token.with_identity(identity).with_kind("agent").with_grants(grants).to_jwt()


def _phone_token(server: Server, room: str, identity: str, call: dict[str, str]) -> str:
    """A token like the SIP service's own: no browser can get one of that kind."""
    return (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity(identity)
        .with_kind("sip")
        .with_attributes(call)
        .with_ttl(timedelta(minutes=10))
        .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True))
        .to_jwt()
    )


@contextlib.asynccontextmanager
async def _cancelled_at_exit() -> AsyncIterator[set[asyncio.Task[None]]]:
    owned: set[asyncio.Task[None]] = set()
    try:
        yield owned
    finally:
        for task in owned:
            task.cancel()
