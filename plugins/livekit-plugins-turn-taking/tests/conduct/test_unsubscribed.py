"""A reply to somebody who takes no sound."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import AgentSession
from livekit.plugins.turn_taking.conduct.unsubscribed import Unsubscribed

from harness.stage import Loudspeaker, stage
from harness.virtual_time import in_virtual_time


class Track(Loudspeaker):
    """Takes no frame before somebody subscribes, as LiveKit's own output does."""

    def __init__(self, voice: Any) -> None:
        super().__init__(voice)
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await self.subscribed
        await super().capture_frame(frame)


@pytest.mark.parametrize(("subscribes_at", "heard_by"), [(None, 10.0), (2.0, 4.0)])
@in_virtual_time
async def test_a_reply_is_not_held_for_ever(subscribes_at: float | None, heard_by: float) -> None:
    parts: list[Unsubscribed] = []

    def before(session: AgentSession[Any]) -> None:
        parts.append(Unsubscribed(session, patience=8.0))

    with pytest.MonkeyPatch.context() as patch:
        async with stage("Good.", "Fine.", before=before) as talk:
            track = talk.session.output.audio = Track(talk.tts)
            room_io = SimpleNamespace(subscribed_fut=track.subscribed)
            patch.setattr(AgentSession, "room_io", property(lambda _: room_io))
            talk.session.generate_reply(user_input="Hello")
            if subscribes_at:
                await talk.at(subscribes_at)
                track.subscribed.set_result(None)
            await talk.at(heard_by)
            assert talk.words == ["> Hello", "Good."]
            talk.session.generate_reply(user_input="And now?")
            await talk.at(heard_by + 3.0)
            assert talk.words[2:] == ["> And now?", "Fine."]
            await parts[0].aclose()
            await parts[0].aclose()


def test_livekit_takes_a_subscription_that_comes_from_us() -> None:
    from inspect import getsource

    from livekit.agents.voice.room_io._output import _ParticipantAudioOutput
    from livekit.agents.voice.room_io.room_io import RoomIO

    # Its own handler leaves a future alone that is done, and the room hands it out.
    assert "if not self._subscribed_fut.done()" in getsource(_ParticipantAudioOutput)
    assert isinstance(RoomIO.subscribed_fut, property)
