"""The stop button, and the mark on what was cut off."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession, ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage

from agent.page_controls import KEPT, STOP, STOPPED, Cut, PageControls
from agent.telemetry import RoomPublisher


class Session(rtc.EventEmitter[Any]):
    """Says something, which may be stopped or not."""

    def __init__(self) -> None:
        super().__init__()
        self.current_speech: SimpleNamespace | None = None
        self.stopped = 0
        self.refuses = False

    def interrupt(self) -> asyncio.Future[None]:
        if self.refuses:
            raise RuntimeError("it may not be")
        self.stopped += 1
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Room:
    """Keeps what can be called."""

    def __init__(self) -> None:
        self.methods: dict[str, Any] = {}
        self.local_participant = SimpleNamespace(
            register_rpc_method=self.methods.__setitem__,
            unregister_rpc_method=lambda name: self.methods.pop(name, None),
        )

    def isconnected(self) -> bool:
        return True


class Publisher:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def publish(self, record: Any) -> None:
        self.told.append(record)


class Scene:
    """A conversation with its controls."""

    def __init__(self) -> None:
        self.room, self.session, self.publisher = Room(), Session(), Publisher()
        self.controls = PageControls(
            cast(rtc.Room, self.room),
            cast(AgentSession[Any], self.session),
            cast(RoomPublisher, self.publisher),
        )

    async def stop(self) -> str:
        answer: str = await self.room.methods[STOP](SimpleNamespace(caller_identity="anna"))
        return answer

    def add(self, *, role: Any = "assistant", interrupted: bool) -> None:
        message = ChatMessage(role=role, content=["Hello"], interrupted=interrupted)
        self.session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))


@pytest.mark.parametrize(
    ("allowed", "refuses", "answer", "stopped"),
    [
        (True, False, STOPPED, 1),
        (None, False, STOPPED, 1),  # nothing is said yet, and what is being made is dropped
        (False, False, KEPT, 0),
        (True, True, KEPT, 0),
    ],
)
async def test_what_may_be_stopped_is_and_the_rest_is_told(
    allowed: bool | None, refuses: bool, answer: str, stopped: int
) -> None:
    scene = Scene()
    scene.session.refuses = refuses
    if allowed is not None:
        scene.session.current_speech = SimpleNamespace(allow_interruptions=allowed)
    assert await scene.stop() == answer
    assert scene.session.stopped == stopped


async def test_only_what_was_cut_off_is_told_and_nothing_after_the_end() -> None:
    scene = Scene()
    scene.add(interrupted=False)
    scene.add(role="user", interrupted=True)
    assert scene.publisher.told == []
    scene.add(interrupted=True)
    (cut,) = scene.publisher.told
    assert isinstance(cut, Cut)
    assert cut.record() == {"kind": "cut"}
    await scene.controls.aclose()
    await scene.controls.aclose()
    scene.add(interrupted=True)
    assert scene.publisher.told == [cut]
    assert scene.room.methods == {}
