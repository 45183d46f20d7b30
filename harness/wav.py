"""PCM as a WAV file in memory."""

from __future__ import annotations

import io
import wave

from .recording import Samples


def encode(samples: Samples, rate: int) -> bytes:
    """Mono s16 samples as the bytes of a WAV file; ``rate`` in Hz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()
