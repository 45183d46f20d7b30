"""The user's speech as a model hears it."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterable
from typing import Any

from livekit import rtc
from livekit.agents import llm

# What the encoders of Qwen-Omni, Ultravox and Voxtral take.
SAMPLE_RATE = 16_000
# The window of a Whisper encoder, which most of them are.
MAX_SECONDS = 30.0


class TurnAudio:
    """Collects the speech of a turn, to be put into the user's message.

    Push the frames that the STT hears (from ``Agent.stt_node``), and append what :meth:`take`
    returns to the new message's content in ``Agent.on_user_turn_completed``.

    Args:
        max_seconds: How much is kept, the latest.
    """

    def __init__(self, *, max_seconds: float = MAX_SECONDS) -> None:
        self._max_seconds = max_seconds
        self._frames: deque[rtc.AudioFrame] = deque()
        self._seconds = 0.0

    def push(self, frame: rtc.AudioFrame) -> None:
        """Keep a frame, of any rate."""
        self._frames.append(frame)
        self._seconds += frame.duration
        while self._seconds > self._max_seconds and len(self._frames) > 1:
            self._seconds -= self._frames.popleft().duration

    def take(self, transcript: str | None = None) -> llm.AudioContent:
        """What was collected, and begin anew."""
        content = llm.AudioContent(frame=list(self._frames), transcript=transcript)
        self._frames.clear()
        self._seconds = 0.0
        return content


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
    """Half a second of nothing, to find out whether a model hears."""
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
