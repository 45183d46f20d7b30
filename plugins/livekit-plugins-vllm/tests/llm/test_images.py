"""The latest picture of what is shown, in the last user message."""

from __future__ import annotations

import asyncio
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm.utils import serialize_image
from livekit.plugins.vllm import TurnImage
from PIL import Image

from ..conftest import user

CAMERA, SCREEN = rtc.TrackSource.SOURCE_CAMERA, rtc.TrackSource.SOURCE_SCREENSHARE


class Room:
    """Tells of tracks as rtc.Room does."""

    def __init__(self) -> None:
        self.remote_participants: dict[str, Any] = {}
        self.listeners: dict[str, list[Callable[..., None]]] = defaultdict(list)

    def on(self, event: str, listener: Callable[..., None]) -> None:
        self.listeners[event].append(listener)

    def off(self, event: str, listener: Callable[..., None]) -> None:
        self.listeners[event].remove(listener)

    def tell(self, event: str, *of: Any) -> None:
        for listener in self.listeners[event]:
            listener(*of)


class Video:
    """A track and its stream in one."""

    kind = rtc.TrackKind.KIND_VIDEO

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.frames: asyncio.Queue[rtc.VideoFrame] = asyncio.Queue()
        self.closed = False

    def __call__(self, track: Any, **_: Any) -> Video:
        return self

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            yield SimpleNamespace(frame=await self.frames.get())

    async def aclose(self) -> None:
        self.closed = True

    async def show(self, width: int) -> None:
        data = bytes(width * 90 * 4)
        self.frames.put_nowait(rtc.VideoFrame(width, 90, rtc.VideoBufferType.RGBA, data))
        await asyncio.sleep(0.01)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(rtc, "VideoStream", lambda track, **_: track)
    return Room()


def width_seen(image: TurnImage) -> int | None:
    asked = user("What is this?")
    shown = image.attach(asked)
    assert len(asked.items[-1].content) == 1  # type: ignore[union-attr]
    content = shown.items[-1].content  # type: ignore[union-attr]
    if len(content) == 1:
        return None
    picture = content[-1]
    assert isinstance(picture, llm.ImageContent)
    jpeg = serialize_image(picture).data_bytes
    assert jpeg is not None
    return Image.open(io.BytesIO(jpeg)).width


async def test_the_latest_picture_is_seen_and_a_screen_before_a_camera(room: Room) -> None:
    image = TurnImage(room)  # type: ignore[arg-type]
    assert width_seen(image) is None
    camera, screen = Video("camera"), Video("screen")
    room.tell("track_subscribed", screen, SimpleNamespace(source=SCREEN), None)
    room.tell("track_subscribed", camera, SimpleNamespace(source=CAMERA), None)
    await camera.show(120)
    await camera.show(160)
    assert width_seen(image) == 160
    await screen.show(200)
    await camera.show(120)
    assert width_seen(image) == 200
    room.tell("track_unsubscribed", screen, None, None)
    await asyncio.sleep(0.01)
    assert width_seen(image) == 120
    assert (screen.closed, camera.closed) == (True, False)
    await image.aclose()
    assert camera.closed
    assert not any(room.listeners.values())


async def test_a_large_picture_is_made_to_fit(room: Room) -> None:
    video = Video("camera")
    publication = SimpleNamespace(track=video, source=CAMERA)
    participant = SimpleNamespace(track_publications={"camera": publication})
    room.remote_participants["user"] = participant  # was there before
    image = TurnImage(room, width=100, height=100)  # type: ignore[arg-type]
    await video.show(400)
    assert width_seen(image) == 100
    await image.aclose()


async def test_sound_is_none_of_its_business(room: Room) -> None:
    image = TurnImage(room)  # type: ignore[arg-type]
    voice = SimpleNamespace(kind=rtc.TrackKind.KIND_AUDIO, sid="voice")
    room.tell("track_subscribed", voice, SimpleNamespace(source=0), None)
    assert width_seen(image) is None
    await image.aclose()
    await image.aclose()  # may be called twice
