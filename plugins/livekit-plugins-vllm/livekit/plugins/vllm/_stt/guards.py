"""Text that a speech model writes although nobody said it.

Whisper and its relatives were trained on subtitles: over silence, breath or noise they write the
credits of a video, repeat one phrase until the token limit, or echo the prompt. Each check here
returns the reason; the caller then uses an empty text. What a person can say is kept unless the
sound is too short to hold it.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The limits of Whisper's reference decoder (openai/whisper, transcribe.py).
NO_SPEECH_PROB = 0.6
AVG_LOGPROB = -1.0
COMPRESSION_RATIO = 2.4

# Fast speech reaches some 8 syllables a second in Chinese and English alike.
MAX_SYLLABLES_PER_SECOND = 10.0
# Voice that the detector leaves out at the edges of words.
VOICED_MARGIN = 0.2
# Below this level even a quiet room is louder: a muted or dead microphone.
SILENCE_DBFS = -55.0
_LEVEL_WINDOW = 480  # samples: 30 ms at 16 kHz

_TAG = re.compile(r"[\[(（【][^\])）】]{0,40}[\])）】]|[♪♫]+|\*[^*]{1,40}\*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"[a-zà-ÿ']+")
_VOWELS = re.compile(r"[aeiouyà-ÿ]+")
_LOOP = re.compile(r"(.{1,24}?)\1{3,}")

# Credits that nobody says to an assistant, in normal form (see _normal).
_CREDITS = re.compile(
    r"字幕(?:由.*(?:提供|制作|製作)|志愿者.*|志願者.*|组.*|組.*|制作.*|製作.*|by.*)"
    r"|中文字幕.*(?:提供|志愿者|志願者|制作|製作).*"
    r"|请不吝点赞.*|請不吝點讚.*|.*打赏支持明镜.*|.*打賞支持明鏡.*|.*明镜与点点.*"
    r"|优优独播剧场.*|優優獨播劇場.*|.*yoyotelevisionseries.*"
    r"|(?:作词|作曲|编曲|詞曲|词曲|作詞|編曲)(?:作曲|编曲)?李宗盛"
    r"|.*amaraorg.*|(?:subtitles|captions|subtitled|transcription|translation)by.*"
    r"|.*subtitlesbythe.*community|.*castingwords.*"
)
# Closing phrases of videos, which a person may also say: dropped when alone on too little sound.
_CLOSINGS = re.compile(
    r"(?:谢谢|謝謝|感谢|感謝|多谢|多謝)(?:大家|您|你)?(?:的)?(?:观看|觀看|收看|收听|收聽)(?:下期再见|下次再见)?"
    r"|(?:我们|我們)?下(?:期|次|集)(?:再见|再見|见)"
    r"|(?:请)?(?:订阅|訂閱)(?:我的)?(?:频道|頻道)?"
    r"|(?:thanks|thankyou)(?:somuch|verymuch)?for(?:watching|listening)(?:thisvideo|bye)?"
    r"|(?:please)?(?:like(?:and)?)?subscribe(?:tomychannel)?|seeyou(?:inthe)?next(?:time|video)"
    r"|thankyou|you|bye|byebye|谢谢|謝謝"
)
# A closing phrase on less voice than this per syllable was not spoken: fast speech needs 0.1 s.
_CLOSING_SECONDS_PER_SYLLABLE = 0.09


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


def without_tags(text: str) -> str:
    """Text without "[Music]", "(applause)", "♪" and the like."""
    return _TAG.sub("", text).strip()


def suspicion(
    text: str, *, voiced: float | None, segments: Sequence[Segment] = (), prompt: str | None = None
) -> str | None:
    """Why the text cannot have been said, or ``None`` if it can.

    Args:
        text: The transcript.
        voiced: Seconds of voice in the audio, or ``None`` if it was not measured.
        segments: The server's own certainty, where it gives it.
        prompt: The prompt that the request carried.
    """
    normal = _normal(text)
    if not normal:
        return "no words"
    if _CREDITS.fullmatch(normal):
        return "subtitle credits"
    if segments and all(_is_silent(segment) for segment in segments):
        return "no speech"
    # A prompt is only echoed over silence, and whole or from its middle on.
    if prompt and len(normal) >= 6 and normal in _normal(prompt):
        return "echo of the prompt"
    if compression_ratio(text) > COMPRESSION_RATIO:
        return "repetition"
    if voiced is not None:
        hurried = syllables(text) > MAX_SYLLABLES_PER_SECOND * (voiced + VOICED_MARGIN)
        if hurried and _mostly_loop(normal):
            return "repetition"
        if _CLOSINGS.fullmatch(normal):
            needed = _CLOSING_SECONDS_PER_SYLLABLE * syllables(text)
            unsure = any((s.avg_logprob or 0.0) < AVG_LOGPROB for s in segments)
            if voiced < needed or unsure:
                return "closing phrase without the sound for it"
    return None


def is_silence(pcm: bytes) -> bool:
    """Whether no 30 ms of the audio (PCM16, 16 kHz, mono) rise above ``SILENCE_DBFS``."""
    samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / 32768.0
    padded = np.pad(samples, (0, -len(samples) % _LEVEL_WINDOW)).reshape(-1, _LEVEL_WINDOW)
    power = (padded**2).mean(axis=1)
    return not bool((power > 10 ** (SILENCE_DBFS / 10)).any())


def syllables(text: str) -> int:
    """How many syllables the text has when spoken, roughly: one a CJK character or digit."""
    lower = text.lower()
    words = sum(max(1, len(_VOWELS.findall(word))) for word in _WORD.findall(lower))
    return words + len(_CJK.findall(lower)) + sum(c.isdigit() for c in lower)


def compression_ratio(text: str) -> float:
    """UTF-8 bytes of the text divided by their zlib length: above 2.4 it repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def _is_silent(segment: Segment) -> bool:
    return (segment.no_speech_prob or 0.0) > NO_SPEECH_PROB and (
        segment.avg_logprob or 0.0
    ) < AVG_LOGPROB


def _mostly_loop(normal: str) -> bool:
    looped = sum(len(match.group()) for match in _LOOP.finditer(normal))
    return looped >= 0.6 * len(normal)


def _normal(text: str) -> str:
    """Lower case, letters and digits only, full-width forms folded."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if c.isalnum())
