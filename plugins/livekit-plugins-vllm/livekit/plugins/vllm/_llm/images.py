"""The user's screen or camera as image input of a model."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from livekit import rtc
from livekit.agents import llm
from livekit.agents.utils import aio, images

from .audio import attached

# A picture of this size is some 750 tokens for Qwen-VL, and small print on a screen can be read.
WIDTH = 1024
HEIGHT = 576


class TurnImage:
    """Keeps the latest picture of what a room shows, and puts it into what the model is asked.

    In the agent, make one for the job's room, :meth:`attach` in ``llm_node`` and :meth:`aclose` at
    the end. A shared screen goes before a camera. The conversation itself stays text.

    Args:
        room: The room whose videos are watched from now on.
        width: Largest width of the picture, in pixels.
        height: Largest height of the picture, in pixels.
    """

    def __init__(self, room: rtc.Room, *, width: int = WIDTH, height: int = HEIGHT) -> None:
        self._room = room
        self._size = (width, height)
        self._frames: dict[str, rtc.VideoFrame] = {}
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._screens: set[str] = set()
        self._closed = False
        room.on("track_subscribed", self._watch)
        room.on("track_unsubscribed", self._leave)
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.track:
                    self._watch(publication.track, publication)

    def attach(self, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """The conversation with the latest picture in its last user message."""
        # False sorts before True: a screen comes last, and the newest of several cameras.
        seen = sorted(self._frames, key=lambda sid: sid in self._screens)
        if not seen:
            return chat_ctx
        frame = self._frames[seen[-1]]
        width, height = self._size
        picture = llm.ImageContent(
            image=frame,
            # LiveKit would enlarge a smaller one.
            inference_width=min(width, frame.width),
            inference_height=min(height, frame.height),
        )
        return attached(chat_ctx, picture)

    async def aclose(self) -> None:
        """Stop watching the room and drop the pictures. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._room.off("track_subscribed", self._watch)
        self._room.off("track_unsubscribed", self._leave)
        await aio.cancel_and_wait(*self._readers.values())
        self._frames.clear()

    def _watch(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        *_: object,
    ) -> None:
        if track.kind != rtc.TrackKind.KIND_VIDEO:
            return
        if publication.source == rtc.TrackSource.SOURCE_SCREENSHARE:
            self._screens.add(track.sid)
        self._readers[track.sid] = asyncio.create_task(self._read(track), name="vllm video")

    def _leave(self, track: rtc.Track, *_: object) -> None:
        if reader := self._readers.pop(track.sid, None):
            reader.cancel()
        self._frames.pop(track.sid, None)
        self._screens.discard(track.sid)

    async def _read(self, track: rtc.Track) -> None:
        stream = rtc.VideoStream(track, capacity=1)
        try:
            async for event in stream:
                self._frames[track.sid] = event.frame
        finally:
            self._frames.pop(track.sid, None)
            await stream.aclose()


def blank() -> dict[str, Any]:
    """A small black picture, to find out whether a model sees."""
    frame = rtc.VideoFrame(64, 64, rtc.VideoBufferType.RGBA, bytes(64 * 64 * 4))
    png = images.encode(frame, images.EncodeOptions(format="PNG"))
    url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}
