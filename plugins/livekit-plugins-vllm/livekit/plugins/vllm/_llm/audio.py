"""The user's speech as audio input of a model."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

from livekit import rtc
from livekit.agents import llm

# What the encoders of Qwen-Omni, Ultravox and Voxtral take.
SAMPLE_RATE = 16_000
# The window of a Whisper encoder, which most of them are.
MAX_SECONDS = 30.0
# What is kept from before a detector is sure of speech: its 0.3 to 0.5 s, and the onset.
PRE_ROLL = 0.8


class TurnAudio:
    """Collects the speech of the user's turn, and puts it into what the model is asked.

    In the agent, :meth:`tap` the frames of ``stt_node`` and call :meth:`begin` when it says that
    speech has started, :meth:`attach` in ``llm_node``, and :meth:`end` in
    ``on_user_turn_completed``. The conversation itself stays text: a reply that LiveKit has begun
    before the turn is complete stays valid.

    Args:
        max_seconds: How many seconds of the latest sound are kept.
    """

    def __init__(self, *, max_seconds: float = MAX_SECONDS) -> None:
        self._turn = _Latest(max_seconds)
        self._before = _Latest(PRE_ROLL)
        self._open = False

    async def tap(self, frames: AsyncIterable[rtc.AudioFrame]) -> AsyncIterator[rtc.AudioFrame]:
        """Pass frames of any rate on, and keep each."""
        async for frame in frames:
            self.push(frame)
            yield frame

    def push(self, frame: rtc.AudioFrame) -> None:
        """Keep a frame."""
        (self._turn if self._open else self._before).push(frame)

    def begin(self) -> None:
        """The user speaks: a new turn, unless one is under way."""
        if not self._open:
            self._open = True
            self._turn.drain()
            for frame in self._before.drain():
                self._turn.push(frame)

    def end(self) -> None:
        """The turn is complete: what comes next belongs to another."""
        self._open = False

    def attach(self, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """The conversation with the sound of the turn in its last user message."""
        sound = llm.AudioContent(frame=self._turn.frames)
        return attached(chat_ctx, sound) if sound.frame else chat_ctx


class _Latest:
    """The latest frames of a stream.

    Args:
        most: How many seconds of them are kept.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._seconds = 0.0
        self._frames: deque[rtc.AudioFrame] = deque()

    @property
    def frames(self) -> list[rtc.AudioFrame]:
        return list(self._frames)

    def push(self, frame: rtc.AudioFrame) -> None:
        self._frames.append(frame)
        self._seconds += frame.duration
        while self._seconds > self._most and len(self._frames) > 1:
            self._seconds -= self._frames.popleft().duration

    def drain(self) -> list[rtc.AudioFrame]:
        """Return the frames that are kept, and forget them."""
        frames = self.frames
        self._frames.clear()
        self._seconds = 0.0
        return frames


def attached(
    chat_ctx: llm.ChatContext, content: llm.AudioContent | llm.ImageContent
) -> llm.ChatContext:
    """A copy of the conversation with more in its last user message."""
    copy = chat_ctx.copy()
    for i in reversed(range(len(copy.items))):
        item = copy.items[i]
        if item.type == "message" and item.role == "user":
            copy.items[i] = item.model_copy(update={"content": [*item.content, content]})
            break
    return copy


def input_audio(frames: Iterable[rtc.AudioFrame]) -> dict[str, Any] | None:
    """A content part of a chat request, or None if there is no sound.

    The last 30 s, as WAV of 16 kHz, mono.
    """
    mono: list[rtc.AudioFrame] = []
    for frame in frames:
        mono.append(_mono(frame))
    if not mono:
        return None
    rate = mono[0].sample_rate
    pcm = b"".join(bytes(frame.data) for frame in mono)
    if rate != SAMPLE_RATE:
        pcm = _resampled(pcm, rate)
    pcm = pcm[-int(MAX_SECONDS * SAMPLE_RATE) * 2 :]
    if not pcm:
        return None
    wav = rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2).to_wav_bytes()
    return {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"},
    }


def silence() -> dict[str, Any]:
    """Half a second of silence, to find out whether a model hears."""
    samples = SAMPLE_RATE // 2
    part = input_audio([rtc.AudioFrame(bytes(2 * samples), SAMPLE_RATE, 1, samples)])
    assert part is not None
    return part


def _mono(frame: rtc.AudioFrame) -> rtc.AudioFrame:
    channels = frame.num_channels
    if channels == 1:
        return frame
    samples = frame.data[::channels].tobytes()
    return rtc.AudioFrame(samples, frame.sample_rate, 1, len(samples) // 2)


def _resampled(pcm: bytes, rate: int) -> bytes:
    resampler = rtc.AudioResampler(rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.HIGH)
    frames = [*resampler.push(bytearray(pcm)), *resampler.flush()]
    return b"".join(bytes(frame.data) for frame in frames)
