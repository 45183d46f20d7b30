"""Knows the frames of compressed audio, which raw PCM never has."""

from __future__ import annotations

from collections.abc import Callable

# Kilobits a second of MPEG layer III by the index in a frame's header, for version 1 and 2.
_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = (44_100, 48_000, 32_000)
_HEADER = 6


def frames_of(data: bytes) -> str | None:
    """Return what data is that begins with a frame and has another where that one ends.

    Args:
        data: The beginning of an answer. If it is shorter than a frame, nothing is found.
    """
    for name, length in _FORMATS:
        first = length(data[:_HEADER])
        if first and length(data[first : first + _HEADER]):
            return name
    return None


def _mp3(header: bytes) -> int:
    """Return the length of an MPEG layer III frame, 0 for anything else."""
    if len(header) < _HEADER or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, bits, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bits in (0, 15) or rate == 3:
        return 0
    first = version == 3
    hertz = _SAMPLE_RATES[rate] // (1 if first else 2 if version == 2 else 4)
    padding = header[2] >> 1 & 1
    return (144 if first else 72) * _RATES[not first][bits] * 1000 // hertz + padding


def _aac(header: bytes) -> int:
    """Return the length of an AAC frame with its ADTS header, 0 for anything else."""
    if len(header) < _HEADER or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 15 > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0


_FORMATS: tuple[tuple[str, Callable[[bytes], int]], ...] = (
    ("an MP3 file", _mp3),
    ("an AAC file", _aac),
)
