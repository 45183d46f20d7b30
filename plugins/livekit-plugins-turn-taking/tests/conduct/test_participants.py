"""People who come and go after the session of a conversation has closed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents.voice.io import AudioInput
from livekit.plugins.turn_taking.conduct.participants import Participants


class Session:
    """A session that starts and closes as a test says."""

    def __init__(self) -> None:
        self.input: Any = SimpleNamespace(audio=AudioInput(label="room"))
        self.linked: list[str] = []
        self.closed = False
        self.takes: dict[str, Any] = {}

    def on(self, event: str, take: Any) -> None:
        self.takes[event] = take

    @property
    def room_io(self) -> Any:
        if self.closed:
            raise RuntimeError("the AgentSession was not started with a room")
        anna = SimpleNamespace(identity="anna")
        return SimpleNamespace(linked_participant=anna, set_participant=self.linked.append)


class Room:
    """A room with two people."""

    def __init__(self) -> None:
        self.takes: dict[str, Any] = {}
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
        self.remote_participants = {
            name: SimpleNamespace(identity=name, kind=kind, name=name, track_publications={})
            for name in ("anna", "ben")
        }

    def on(self, event: str, take: Any) -> None:
        self.takes[event] = take

    def register_text_stream_handler(self, *_: object) -> None:
        pass

    def leave(self, name: str) -> None:
        self.takes["participant_disconnected"](self.remote_participants.pop(name))


@pytest.mark.parametrize("closed", [False, True])
async def test_whoever_leaves_is_followed_by_the_other_while_there_is_a_session(
    closed: bool,
) -> None:
    session, room = Session(), Room()
    microphone: Any = SimpleNamespace(detector=None, listen=lambda _: lambda: None)
    Participants(cast(Any, session), cast(Any, room), microphone)
    session.takes["agent_state_changed"](None)
    session.closed = closed
    room.leave("anna")
    assert session.linked == ([] if closed else ["ben"])
    room.leave("ben")
