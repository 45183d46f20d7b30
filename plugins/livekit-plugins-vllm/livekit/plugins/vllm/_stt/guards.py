"""Text that a speech model writes although nobody said it.

Whisper and its relatives were trained on subtitles: over silence, breath or noise they write the
credits of a video, repeat one phrase until the token limit, or echo the prompt. People say all of
this too, so the sound decides: what a voice long enough to have said it said is kept. Each check
here returns the reason; the caller then uses an empty text.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .inventions import CLOSINGS, CREDITS, SHORT, SIGNATURES, normal

# The limits of Whisper's reference decoder (openai/whisper, transcribe.py).
NO_SPEECH_PROB = 0.6
AVG_LOGPROB = -1.0
COMPRESSION_RATIO = 2.4

# Fast speech reaches some 8 syllables a second in Chinese and English alike.
MAX_SYLLABLES_PER_SECOND = 10.0
# Twice as fast as anybody: figures are counted digit by digit though said as fewer words.
IMPOSSIBLE_SYLLABLES_PER_SECOND = 25.0
# Voice that the detector leaves out at the edges of words; more of it in doubt of any text at all.
VOICED_MARGIN = 0.2
WIDE_MARGIN = 0.3
# An invention on less voice than this per syllable was not spoken.
INVENTED_SECONDS_PER_SYLLABLE = 0.09
# Less voice than two windows of the detector is none: nobody said anything, however short.
NO_VOICE = 0.06
# A leave of three syllables at most takes longer than other words of its length: 0.3 s of "thank
# you" at the fastest.
SHORT_LEAVE = 3
SHORT_LEAVE_SECONDS_PER_SYLLABLE = 0.13
# A prompt of our own is likelier to come back than to be read out.
ECHO_SECONDS_PER_SYLLABLE = 0.1
# And a signature not even at the pace of fast speech: nobody has a reason to say it at all.
SIGNATURE_SECONDS_PER_SYLLABLE = 0.15
# Below this level even a quiet room is louder: a muted or dead microphone.
SILENCE_DBFS = -55.0
IMPOSSIBLE = "more words than the voice can hold"
"""The reason for text of which nothing but its length is suspicious."""
UNVOICED = "words without a voice"
"""The reason for text of which nothing but the missing voice is suspicious."""
_LEVEL_WINDOW = 480  # samples: 30 ms at 16 kHz

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Kana that are no syllable of their own, or hardly.
_SILENT_KANA = re.compile(r"[ゃゅょぁぃぅぇぉっャュョァィゥェォッー]")
_WORD = re.compile(r"[a-zà-ÿ'а-яё]+")
_VOWELS = re.compile(r"[aeiouyà-ÿ]+|[аеёиоуыэюя]")
_DIGIT_RUN = re.compile(r"(\d)\1*")
_LOOP = re.compile(r"(.{1,24}?)\1{3,}")

# Letters of a prompt that are no chance agreement, and the share of it that is nearly all.
_SHORTEST_ECHO = 6
_NEARLY_WHOLE = 0.8


@dataclass(frozen=True)
class Segment:
    """A piece of ``verbose_json``, with what the server says about its own certainty.

    Attributes:
        text: The words.
        avg_logprob: Mean log probability of the tokens.
        no_speech_prob: Probability that there is no speech; vLLM leaves it out.
    """

    text: str
    avg_logprob: float | None = None
    no_speech_prob: float | None = None


def suspicion(
    text: str, *, voiced: float | None, segments: Sequence[Segment] = (), prompt: str | None = None
) -> str | None:
    """Why the text cannot have been said, or ``None`` if it can.

    Args:
        text: The transcript.
        voiced: Seconds of voice in the audio, or ``None`` if it was not measured: then only what
            the server itself doubts, and signatures that nobody says, are dropped.
        segments: The server's own certainty, where it gives it.
        prompt: The prompt that the request carried.
    """
    letters = normal(text)
    if not letters:
        return "no words"
    if segments and all(_is_silent(segment) for segment in segments):
        return "no speech"
    spoken = syllables(text)
    unsure = any((segment.avg_logprob or 0.0) < AVG_LOGPROB for segment in segments)

    def lacks(seconds_per_syllable: float) -> bool:
        return voiced is not None and voiced < seconds_per_syllable * spoken

    if voiced is not None and voiced < NO_VOICE and SHORT.fullmatch(letters):
        return "no voice"
    doubtful = unsure or lacks(INVENTED_SECONDS_PER_SYLLABLE)
    if SIGNATURES.fullmatch(letters) and (
        voiced is None or doubtful or lacks(SIGNATURE_SECONDS_PER_SYLLABLE)
    ):
        return "subtitle credits"
    if doubtful and CREDITS.fullmatch(letters):
        return "subtitle credits"
    if prompt and lacks(ECHO_SECONDS_PER_SYLLABLE) and _echoes(letters, normal(prompt)):
        return "echo of the prompt"
    hurried = voiced is not None and spoken > MAX_SYLLABLES_PER_SECOND * (voiced + VOICED_MARGIN)
    if hurried and (compression_ratio(text) > COMPRESSION_RATIO or _mostly_loop(letters)):
        return "repetition"
    hasty = spoken <= SHORT_LEAVE and lacks(SHORT_LEAVE_SECONDS_PER_SYLLABLE)
    if (doubtful or hasty) and CLOSINGS.fullmatch(letters):
        return "closing phrase without the sound for it"
    if voiced is not None and spoken > IMPOSSIBLE_SYLLABLES_PER_SECOND * (voiced + WIDE_MARGIN):
        return IMPOSSIBLE
    return UNVOICED if voiced is not None and voiced < NO_VOICE else None


def is_silence(pcm: bytes) -> bool:
    """Whether no 30 ms of the audio (PCM16, 16 kHz, mono) rise above ``SILENCE_DBFS``."""
    samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / 32768.0
    padded = np.pad(samples, (0, -len(samples) % _LEVEL_WINDOW)).reshape(-1, _LEVEL_WINDOW)
    power = (padded**2).mean(axis=1)
    return not bool((power > 10 ** (SILENCE_DBFS / 10)).any())


def syllables(text: str) -> int:
    """How many syllables the text has when spoken, roughly: one a CJK character or digit."""
    lower = text.lower()
    words = sum(map(_syllables_of, _WORD.findall(lower)))
    characters = len(_CJK.findall(lower)) - len(_SILENT_KANA.findall(lower))
    # "0000" may be said as "double oh, double oh": a run of one digit needs half of its length.
    runs = (len(run.group()) for run in _DIGIT_RUN.finditer(lower))
    return words + characters + sum(run // 2 + run % 2 if run > 2 else run for run in runs)


def _syllables_of(word: str) -> int:
    groups = len(_VOWELS.findall(word))
    if groups > 1 and word.endswith("e") and word[-2] not in "laeiouy":
        groups -= 1  # the silent e of "five"
    return max(1, groups)


def compression_ratio(text: str) -> float:
    """UTF-8 bytes of the text divided by their zlib length: above 2.4 it repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def _is_silent(segment: Segment) -> bool:
    return (segment.no_speech_prob or 0.0) > NO_SPEECH_PROB and (
        segment.avg_logprob or 0.0
    ) < AVG_LOGPROB


def _echoes(letters: str, prompt: str) -> bool:
    """Whether this is the prompt, nearly all of it, or the end of it."""
    if len(letters) < _SHORTEST_ECHO or letters not in prompt:
        return False
    return prompt.endswith(letters) or len(letters) >= _NEARLY_WHOLE * len(prompt)


def _mostly_loop(letters: str) -> bool:
    looped = sum(len(match.group()) for match in _LOOP.finditer(letters))
    return looped >= 0.6 * len(letters)
