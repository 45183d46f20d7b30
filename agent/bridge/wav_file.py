"""A recording as a client sends it: a WAV file, which may be anything that calls itself one."""

from __future__ import annotations

import io
import struct
import wave

from livekit import rtc

_RATES = range(4_000, 192_001)
"""Hz that a recording of speech may have."""
_MOST_CHANNELS = 8


class WavError(ValueError):
    """A file that is not a WAV file of 16 bits; the text says why, after what it is called."""


def read_wav(data: bytes) -> rtc.AudioFrame:
    """The sound of a WAV file, with its channels side by side.

    Args:
        data: The file; if it is cut off, what there is of it counts.

    Raises:
        WavError: It is malformed, or not PCM of 16 bits.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            rate = file.getframerate()
            pcm = file.readframes(file.getnframes())
    except (EOFError, struct.error) as e:
        raise WavError("is not a WAV file: it ends too soon") from e
    except (wave.Error, ValueError, OverflowError, RuntimeError) as e:
        raise WavError(f"is not a WAV file of PCM: {str(e) or 'it is damaged'}") from e
    if width != 2:
        raise WavError(f"has {8 * width} bits: send 16")
    if rate not in _RATES:
        raise WavError(f"has {rate} samples a second: send {_RATES.start} to {_RATES.stop - 1}")
    if channels > _MOST_CHANNELS:
        raise WavError(f"has {channels} channels: send one")
    samples = len(pcm) // (2 * channels)
    return rtc.AudioFrame(pcm[: samples * 2 * channels], rate, channels, samples)
