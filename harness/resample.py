"""The same sound at another rate."""

from __future__ import annotations

import numpy as np
from livekit import rtc

from .recording import Samples


def resampled(samples: Samples, rate: int, to: int) -> Samples:
    """Mono s16 at another rate; both in Hz."""
    resampler = rtc.AudioResampler(rate, to, quality=rtc.AudioResamplerQuality.HIGH)
    frames = resampler.push(rtc.AudioFrame(samples.tobytes(), rate, 1, len(samples)))
    frames += resampler.flush()
    return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])
