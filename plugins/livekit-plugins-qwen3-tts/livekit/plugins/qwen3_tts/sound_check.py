"""Tells speech from what only claims to be: no noise is played, and no silence is waited for.

A server whose codec is broken, or that sends another encoding than it was asked for, answers with
bytes that are loud noise as PCM. Noise has the same power at all frequencies, speech never: the
flatness of a spectrum is its geometric mean over its arithmetic one, 1 for white noise.

Of 32,598 windows of 80 ms of speech above -46 dBFS (259 clips, 751 s: five voices of Kokoro and
three recordings, a window every 20 ms) none was flatter than 0.79, and of the 8,341 above -20 dBFS
none than 0.33; at twice the volume, clipped, 0.80 and 0.47, and 0.05 above -8 dBFS. White noise has
0.88 or more. Random bytes, gzip, swapped or shifted bytes, 24-bit and float samples have -8 to
-4.5 dBFS and 0.4 to 0.97, mu-law 0.25 to 0.6. So no window of speech was taken for noise. What
cannot be told is speech at another rate. A second of sound takes 1 ms of a processor.
"""

from __future__ import annotations

from math import log10

import numpy as np
from livekit.agents import APIConnectionError, APIError
from numpy.typing import NDArray

from .audio import Samples, first_sound, sound_end
from .client import SAMPLE_RATE
from .framing import frames_of

_WINDOW = SAMPLE_RATE * 80 // 1000
# Sound that is looked at before any is passed on: less than the frame that a codec makes at once.
_FIRST = SAMPLE_RATE * 20 // 1000
# Half a window: enough for a spectrum of loud noise, which 20 ms are not unless it is very loud.
_ENOUGH = SAMPLE_RATE * 40 // 1000

# In dBFS, and as flatness: of 20 ms, of 40 ms, and of a whole window.
_VERY_LOUD, _UNEVEN = -8.0, 0.25
_LOUD, _EVEN = -20.0, 0.75
_FAINT, _FLAT = -46.0, 0.85
# Models leave 0.6 s of silence around a sentence at most, and a second in it.
MOST_SILENCE = 3.0

_SEGMENT = 256
_HANN: NDArray[np.float32] = np.hanning(_SEGMENT).astype(np.float32)


class NotSpeechError(APIError):
    """The server sent something that is not the sound of a voice."""


class NoAudioError(APIConnectionError):
    """The server made no sound of a text: the model can end on its first frame, or be silent."""


class SoundCheck:
    """Looks at the sound of one unit before it is passed on.

    Args:
        base_url: The server's address, for messages.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._held: list[bytes] | None = []  # what came before enough was seen; None once it was
        self._recent: Samples = np.zeros(0, dtype=np.int16)
        self._silence = 0  # samples since the last sound

    def push(self, pcm: bytes) -> bytes:
        """Take whole samples; return those that may be played, none before the first sound.

        Raises:
            NotSpeechError: It is noise, or another format.
            NoAudioError: There is no sound in the first three seconds.
            APIConnectionError: There was none in three seconds after the last.
        """
        samples = np.frombuffer(pcm, dtype="<i2")
        self._count_silence(samples)
        if self._held is None:
            self._look(samples)
            return pcm
        self._held.append(pcm)
        begun = b"".join(self._held)
        heard = np.frombuffer(begun, dtype="<i2")
        at = first_sound(heard)
        if at is None or heard.size - at < _FIRST:
            return b""
        if found := frames_of(begun):
            raise self._error(found)
        self._held = None
        self._look(heard[at:])
        return begun

    def finish(self) -> bytes:
        """Return what was held of a sound that ends before there was much of it.

        Raises:
            NotSpeechError: It is noise, or another format.
        """
        begun = b"".join(self._held or [])
        heard = np.frombuffer(begun, dtype="<i2")
        if not sound_end(heard):
            return b""
        if found := frames_of(begun):
            raise self._error(found)
        self._look(heard)
        return begun

    def _look(self, samples: Samples) -> None:
        """Judge the whole windows in what came, and the last one as far as it goes."""
        samples = np.concatenate([self._recent, samples])
        whole = samples.size // _WINDOW * _WINDOW
        for at in range(0, whole, _WINDOW):
            self._judge(samples[at : at + _WINDOW])
        rest = samples[whole:]
        if rest.size >= _FIRST and whole != samples.size:
            self._judge(rest)
        self._recent = rest

    def _judge(self, window: Samples) -> None:
        scaled = window.astype(np.float32) / np.float32(32768)
        level = 10 * log10(float(scaled @ scaled) / scaled.size + 1e-12)
        flat = flatness(scaled) if level > _FAINT else 0.0
        if (
            (level > _VERY_LOUD and flat > _UNEVEN)
            or (level > _LOUD and flat > _EVEN and window.size >= _ENOUGH)
            or (flat > _FLAT and window.size == _WINDOW)
        ):
            raise self._error("noise")

    def _count_silence(self, samples: Samples) -> None:
        quiet = samples.size - sound_end(samples)
        self._silence = self._silence + quiet if quiet == samples.size else quiet
        if self._silence <= MOST_SILENCE * SAMPLE_RATE:
            return
        if self._held is not None:
            raise NoAudioError(f"TTS server {self._base_url} sent no audio but silence")
        raise APIConnectionError(f"TTS server {self._base_url} fell silent in its answer")

    def _error(self, found: str) -> NotSpeechError:
        return NotSpeechError(
            f"TTS server {self._base_url} sent {found} where the PCM of a voice was asked for: "
            "does it send signed 16-bit samples, low byte first, at 24 kHz?"
        )


def flatness(scaled: NDArray[np.float32]) -> float:
    """Return how evenly a sound's power is spread over the frequencies, 0 to 1 for white noise."""
    whole = scaled.size // _SEGMENT * _SEGMENT
    if not whole:
        return 0.0
    spectrum = np.fft.rfft(scaled[:whole].reshape(-1, _SEGMENT) * _HANN, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)[1:-1] + 1e-10
    return float(np.exp(np.log(power).mean()) / power.mean())
