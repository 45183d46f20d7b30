"""A shared screen, from one client through the server to what a model is asked."""

from __future__ import annotations

import asyncio
import io
import uuid

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm.utils import serialize_image
from livekit.plugins.vllm import TurnImage
from PIL import Image

from .conftest import World

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

WIDTH, HEIGHT = 320, 180
ORANGE = (230, 120, 20, 255)


async def test_a_shared_screen_is_seen(world: World) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    user, agent = rtc.Room(), rtc.Room()
    asked = llm.ChatContext.empty()
    asked.add_message(role="user", content="What do you see?")
    await agent.connect(world.server.url, world.server.token(name, "watcher"))
    sight = TurnImage(agent)
    try:
        await user.connect(world.server.url, world.server.token(name, "user"))
        source = rtc.VideoSource(WIDTH, HEIGHT, is_screencast=True)
        track = rtc.LocalVideoTrack.create_video_track("screen", source)
        await user.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_SCREENSHARE)
        )
        pixels = np.tile(np.array(ORANGE, np.uint8), WIDTH * HEIGHT).tobytes()
        async with asyncio.timeout(30):
            while sight.attach(asked) is asked:
                frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels)
                source.capture_frame(frame)
                await asyncio.sleep(0.1)
        seen = sight.attach(asked).items[-1]
    finally:
        await sight.aclose()
        await user.disconnect()
        await agent.disconnect()
    assert seen.type == "message"
    text, picture = seen.content
    assert text == "What do you see?"
    assert isinstance(picture, llm.ImageContent)
    jpeg = serialize_image(picture).data_bytes
    assert jpeg is not None
    colour = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).mean(axis=(0, 1))
    assert colour == pytest.approx(ORANGE[:3], abs=25)
