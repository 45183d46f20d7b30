"""What is said, as sound with the times of its words: made once, kept in the cache folder."""

from __future__ import annotations

import hashlib
import json
import wave
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from agent.models import locate
from agent.models.store import cache
from harness import sounds, speech
from harness.recording import SAMPLE_RATE, Samples, trim
from harness.resample import resampled

from ..programs import engine
from . import scenarios
from .align import Aligner, Word, words
from .scenarios import Case, Language

AGENT_VOICE = "default"
"""The agent's voice: the service's own for each language."""

_QUIETER = {"backchannel": -5.0}
"""Level in dB: people say mm-hm more softly than sentences."""

_FADE = SAMPLE_RATE // 200
"""5 ms, where a sentence is cut in two."""


@dataclass(frozen=True)
class Clip:
    """Sound and its words."""

    samples: Samples
    words: tuple[Word, ...]

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


NOTHING = Clip(np.zeros(0, np.int16), ())


@dataclass(frozen=True)
class _Spoken:
    text: str
    voice: str
    language: Language


async def prepare(cases: Iterable[Case]) -> int:
    """Make what is missing for some cases, and return how many clips had to be made."""
    wanted = {item for case in cases for item in _parts(case)}
    missing = sorted(
        (item for item in wanted if not _file(item).is_file()), key=lambda s: (s.voice, s.text)
    )
    if missing:
        aligner = Aligner()
        async with engine("tts") as url:
            for item in missing:
                samples = (
                    trim(_recorded(item.voice))
                    if item.voice.endswith(".wav")
                    else await speech.utterance(
                        url, item.text, language=item.language, voice=item.voice
                    )
                )
                found = aligner.align(samples, item.text, item.language)
                _keep(item, samples, found)
    return len(missing)


def of_case(case: Case) -> Clip:
    """The caller's sound; nothing in a case of echo.

    Raises:
        FileNotFoundError: It was not prepared.
    """
    if case.set == "echo":
        return NOTHING
    if case.set == "noise":
        return Clip(_noise(case), ())
    clip = _load(_spoken(case))
    level = sounds.SPEECH + _QUIETER.get(case.set, 0.0)
    if case.pause:
        clip = _paused(clip, len(words(case.text.partition("|")[0])), case.pause)
    return Clip(sounds.at_level(clip.samples, level), clip.words)


def of_reply(text: str, language: Language) -> Clip:
    """The agent's sound."""
    return _load(_Spoken(text, AGENT_VOICE, language))


def _parts(case: Case) -> list[_Spoken]:
    parts = [_Spoken(t, AGENT_VOICE, case.language) for t in (case.reply, *short(case.language))]
    if case.text:
        parts.append(_spoken(case))
    if case.voice == "babble":
        parts += _babblers(case.language)
    return parts


def short(language: Language) -> list[str]:
    """The short replies."""
    return list(scenarios.texts()["short"][language])


def _spoken(case: Case) -> _Spoken:
    joint = "" if case.language == "zh" else " "
    text = joint.join(part.strip() for part in case.text.split("|"))
    return _Spoken(text, case.voice, case.language)


def _babblers(language: Language) -> list[_Spoken]:
    said = scenarios.texts()["turn"][language]["train"]
    voices = scenarios.VOICES[language]["train"]
    return [_Spoken(text, voices[i % len(voices)], language) for i, text in enumerate(said)]


def _noise(case: Case) -> Samples:
    voices = [_load(b).samples for b in _babblers(case.language)] if case.voice == "babble" else []
    return trim(sounds.noise(case.voice, case.seed, case.level, voices))


def _paused(clip: Clip, count: int, pause: float) -> Clip:
    """Put a pause after ``count`` words, where the sound is weakest."""
    low = max(clip.words[count - 1].end - 0.08, 0.0)
    high = min(max(clip.words[count].start, clip.words[count - 1].end) + 0.08, clip.duration)
    step = SAMPLE_RATE // 100
    region = clip.samples[int(low * SAMPLE_RATE) : int(high * SAMPLE_RATE)].astype(np.float64)
    power = np.convolve(region**2, np.ones(step) / step, mode="same")
    cut = int(low * SAMPLE_RATE) + int(power.argmin())
    first, second = clip.samples[:cut].copy(), clip.samples[cut:].copy()
    ramp = np.linspace(0, 1, _FADE)
    first[-_FADE:] = first[-_FADE:] * ramp[::-1]
    second[:_FADE] = second[:_FADE] * ramp
    first, rest = trim(first), trim(second)
    # The end of the speech stays its end, so what trimming took was in front.
    shift = (len(first) + len(rest) - len(clip.samples)) / SAMPLE_RATE + pause
    ends = len(first) / SAMPLE_RATE
    before = [Word(w.text, min(w.start, ends), min(w.end, ends)) for w in clip.words[:count]]
    after = [
        Word(w.text, max(w.start + shift, ends + pause), w.end + shift) for w in clip.words[count:]
    ]
    silence = np.zeros(int(pause * SAMPLE_RATE), np.int16)
    return Clip(np.concatenate([first, silence, rest]), (*before, *after))


def _recorded(name: str) -> Samples:
    with wave.open(str(locate("speech") / name)) as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    return resampled(np.frombuffer(data, np.int16), rate, SAMPLE_RATE)


def _file(item: _Spoken) -> Path:
    digest = hashlib.sha256(f"{item.voice}|{item.language}|{item.text}".encode()).hexdigest()[:16]
    return cache() / "clips" / f"{digest}.npz"


def _keep(item: _Spoken, samples: Samples, found: list[Word]) -> None:
    path = _file(item)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part.npz")
    np.savez(draft, samples=samples, words=json.dumps([asdict(w) for w in found]))
    draft.replace(path)


@lru_cache(maxsize=2000)
def _load(item: _Spoken) -> Clip:
    with np.load(_file(item)) as data:
        found = tuple(Word(**word) for word in json.loads(str(data["words"])))
        return Clip(data["samples"], found)
