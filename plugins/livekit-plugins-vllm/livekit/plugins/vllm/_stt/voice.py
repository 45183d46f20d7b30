"""How much of a recording is voice."""

from __future__ import annotations

from livekit import rtc
from livekit.agents import vad

from .recognition import SAMPLE_RATE
from .schedule import DecodeScheduler


async def voiced_seconds(pcm: bytes, detector: vad.VAD) -> float:
    """Seconds of voice in audio (PCM16, 16 kHz, mono), counted as in a live stream.

    Args:
        pcm: The audio.
        detector: Detects voice in what is pushed to it.
    """
    counted = DecodeScheduler(speculate_after=None)
    voice = detector.stream()
    try:
        voice.push_frame(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2))
        voice.end_input()
        async for event in voice:
            if event.type is vad.VADEventType.INFERENCE_DONE:
                samples = sum(frame.samples_per_channel for frame in event.frames)
                counted.window(event.probability, samples / SAMPLE_RATE)
    finally:
        await voice.aclose()
    return counted.voiced
