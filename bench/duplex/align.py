"""Where each word of a known text lies in its sound: forced alignment by Whisper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from livekit import rtc

from agent.local.models import locate
from agent.local.whisper import MARGIN

from ..recording import SAMPLE_RATE, Samples

_WHISPER_RATE = 16_000
_WINDOW = 3000
"""Mel frames of 10 ms that Whisper encodes at most."""
_WORD = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+(?:['’-][^\W㐀-鿿]+)*")


@dataclass(frozen=True)
class Word:
    """A word, in Chinese a character, and where it is; seconds from the beginning."""

    text: str
    start: float
    end: float


def words(text: str) -> list[str]:
    """The words of a text as they are written, in Chinese its characters; no punctuation."""
    return _WORD.findall(text)


def key(word: str) -> str:
    """What is the same of a word wherever it stands."""
    return word.lower().replace("’", "'")


def contains(said: Sequence[str], part: Sequence[str]) -> bool:
    """Whether words stand together somewhere in others, in their order."""
    size = len(part)
    return any(list(said[i : i + size]) == list(part) for i in range(len(said) - size + 1))


class Aligner:
    """Whisper base, used only to find words that are known to be there."""

    def __init__(self) -> None:
        self._model = WhisperModel(str(locate("stt")), device="cpu", compute_type="int8")

    def align(self, samples: Samples, text: str, language: str) -> list[Word]:
        """Find the words of a text.

        Args:
            samples: Mono s16 at 24 kHz, without silence at its ends, up to 30 s.
            text: What is said.
            language: ``en`` or ``zh``.
        """
        found = words(text)
        tokenizer = Tokenizer(
            self._model.hf_tokenizer, multilingual=True, task="transcribe", language=language
        )
        joined = ("" if language == "zh" else " ").join(found)
        tokens = tokenizer.encode(joined if language == "zh" else f" {joined}")
        heard = resampled(samples, SAMPLE_RATE, _WHISPER_RATE)
        audio = heard.astype(np.float32) / np.float32(32768)
        features = self._model.feature_extractor(audio)
        frames = min(len(audio) // self._model.feature_extractor.hop_length, _WINDOW)
        # As the agent's own ear: some silence after the speech instead of all of the window.
        encoded = self._model.encode(pad_or_trim(features, min(frames + MARGIN, _WINDOW) // 2 * 2))
        [pieces] = self._model.find_alignment(tokenizer, [tokens], encoded, frames)
        return _by_word(found, pieces, len(samples) / SAMPLE_RATE)


def _by_word(found: list[str], pieces: list[dict[str, object]], duration: float) -> list[Word]:
    """Give each word the time of the pieces that its letters lie in."""
    letters: list[tuple[float, float]] = []
    for piece in pieces:
        text = str(piece["word"]).strip()
        edges = np.linspace(float(str(piece["start"])), float(str(piece["end"])), len(text) + 1)
        letters += [(float(a), float(b)) for a, b in pairwise(edges)]
    out: list[Word] = []
    at = 0
    for word in found:
        span = letters[at : at + len(word)]
        at += len(word)
        before = out[-1].end if out else 0.0
        start, end = (span[0][0], span[-1][1]) if span else (before, duration)
        start = max(start, before)
        out.append(Word(word, round(start, 3), round(min(max(end, start), duration), 3)))
    # The first begins with the sound, and the last ends with it.
    if out:
        out[0] = Word(out[0].text, 0.0, out[0].end)
        out[-1] = Word(out[-1].text, out[-1].start, duration)
    return out


def resampled(samples: Samples, rate: int, to: int) -> Samples:
    """Mono s16 at another rate; both in Hz."""
    resampler = rtc.AudioResampler(rate, to, quality=rtc.AudioResamplerQuality.HIGH)
    frames = resampler.push(rtc.AudioFrame(samples.tobytes(), rate, 1, len(samples)))
    frames += resampler.flush()
    return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])
