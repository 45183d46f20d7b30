"""The header of a WAV file, even of one whose length is not known yet."""

from __future__ import annotations

import struct


def wav_header(rate: int, size: int = 0xFFFFFFFF - 36) -> bytes:
    """The header of a mono 16-bit WAV file.

    Args:
        rate: Sample rate in Hz.
        size: Bytes of PCM that follow; the most there can be when not known, as in a stream.
    """
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16),
        *(b"data", size),
    )
