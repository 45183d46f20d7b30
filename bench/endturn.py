"""End of turn: what silence, words and voice each know of it, and all of them together.

Run with ``make bench-endturn``. Sentences of ``endturn.yaml`` are spoken by the CPU voices, and cut
where their speakers stop to think. Each end, of a turn or of what comes before a pause, is judged
as the agent judges it: some windows after the voice, again where there is doubt, and by the words
that were said. A policy then says how long to wait. A pause that outlasts the wait would have been
cut into; the wait at a finished turn is what its speaker has to wait. Pauses last 0.4 to 1.4 s, and
nothing is known of the person beforehand.

Half of the sentences and half of the voices are for choosing thresholds (``train``). No room and no
engine takes part; ``make bench-duplex`` has both.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from livekit.local_inference import EOT, EOT_MAX_SAMPLES, VAD, VAD_WINDOW_SAMPLES
from livekit.plugins.turn_taking import Clause, EndpointingPolicy, Pause
from livekit.plugins.turn_taking.end_of_turn import smart_turn
from livekit.plugins.turn_taking.end_of_turn.clause import read
from livekit.plugins.turn_taking.end_of_turn.pauses import Pauses
from livekit.plugins.turn_taking.end_of_turn.state import LISTEN_AT
from livekit.plugins.turn_taking.end_of_turn.voice import SAMPLE_RATE
from numpy.typing import NDArray

from agent.local.voices import Voices
from agent.models import locate
from agent.models.store import cache as cache_folder
from agent.settings import TurnSettings
from harness import report
from harness.line import Line
from harness.resample import resampled

Sound = NDArray[np.int16]

SPEAKERS = {
    "train": {
        "en": ["af_heart", "heart"],
        "zh": ["zf_xiaobei", "zf_xiaoni", "zm_yunjian", "zm_yunxi"],
    },
    "test": {"en": ["am_michael"], "zh": ["zf_xiaoxiao", "zf_xiaoyi", "zm_yunxia", "zm_yunyang"]},
}
SPEAKERS_PER_SENTENCE = 2

PAUSES = np.linspace(0.4, 1.4, 41)
"""Seconds for which a speaker stops to think: each end before a pause is tried with all of them."""

ANSWER = 0.15
"""Seconds from the end of a turn until the answer is heard, with engines that take no time."""

_WINDOW = VAD_WINDOW_SAMPLES / SAMPLE_RATE
LOOKS = [math.ceil(at / _WINDOW) for at in LISTEN_AT]
"""The windows after the end of the voice in which it is judged."""
VOICE = 0.35
"""Probability above which Silero takes speech to go on."""

_SEARCH = round(0.15 * SAMPLE_RATE)
_STEP = SAMPLE_RATE // 200


@dataclass
class End:
    """Where a voice falls silent: at the end of a turn, or in a pause within one."""

    half: str
    language: str
    text: str
    finished: bool
    clause: Clause
    endings: dict[str, list[float]] = field(default_factory=dict)
    """How much it sounds like an end to each model, each time that it is judged."""


def ends() -> Iterator[tuple[End, Sound]]:
    """Every end, with the sound up to it."""
    texts = yaml.safe_load(Path(__file__).with_name("endturn.yaml").read_text(encoding="utf-8"))
    for half, languages in texts.items():
        for language, lines in languages.items():
            speakers = SPEAKERS[half][language]
            for i, line in enumerate(lines):
                for j in range(min(SPEAKERS_PER_SENTENCE, len(speakers))):
                    voice = speakers[(i + j) % len(speakers)]
                    for text, finished, sound in _spoken(line, language, voice):
                        said = re.sub(r"[,，。.?？]+$", "", text)
                        yield End(half, language, said, finished, read(said)), sound


def _spoken(line: str, language: str, voice: str) -> Iterator[tuple[str, bool, Sound]]:
    """A sentence, and what comes before each of its bars."""
    joint = "" if language == "zh" else " "
    parts = [part.strip() for part in line.split("|")]
    whole = joint.join(parts)
    sound = _speak(whole, language, voice)
    yield whole, True, sound
    for i in range(1, len(parts)):
        before = joint.join(parts[:i])
        at = round(len(sound) * _syllables(before) / _syllables(whole))
        around = range(max(at - _SEARCH, _STEP), min(at + _SEARCH, len(sound) - _STEP), _STEP)
        if around:
            # Where it is quietest, nearby: between two words.
            at = min(
                around, key=lambda k: float(np.abs(sound[k : k + 2 * _STEP].astype(int)).mean())
            )
            yield before, False, _without_silence(sound[: at + _STEP])


def _syllables(text: str) -> int:
    vowels = len(re.findall(r"[aeiouy]+", text.lower()))
    return max(vowels + len(re.findall(r"[\u3400-\u9fff]", text)), 1)


def _without_silence(sound: Sound) -> Sound:
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 150)
    return sound[: loud[-1] + 1] if len(loud) else sound


@cache
def _voices() -> Voices:
    return Voices(locate("kokoro"))


def _speak(text: str, language: str, voice: str) -> Sound:
    """Have a sentence spoken, once: it is kept in the cache folder."""
    path = cache_folder() / "endturn" / f"{voice}-{text.replace('/', '')}.npy"
    if not path.exists():
        pieces = _voices().stream(
            text, voice=voice, language=None if language == "zh" else "en", seed=1
        )
        sound = np.concatenate(list(pieces))
        path.parent.mkdir(parents=True, exist_ok=True)
        pcm = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
        np.save(path, resampled(pcm, 24_000, SAMPLE_RATE))
    found: Sound = np.load(path)
    return found


def heard(sound: Sound, line: Line | None = None) -> list[Sound]:
    """What has been heard each time that the agent judges: the voice, and silence after it."""
    if line:
        sound = line.carry(np.concatenate([sound, np.zeros(SAMPLE_RATE, np.int16)]), SAMPLE_RATE)
    else:
        hiss = np.random.default_rng(0).normal(0, 8, SAMPLE_RATE).astype(np.int16)
        sound = np.concatenate([sound, hiss])
    detector, last = VAD(), 0
    for end in range(VAD_WINDOW_SAMPLES, len(sound) + 1, VAD_WINDOW_SAMPLES):
        if detector.predict(sound[end - VAD_WINDOW_SAMPLES : end]) > VOICE:
            last = end
    return [sound[: last + look * VAD_WINDOW_SAMPLES] for look in LOOKS]


Policy = Callable[[End], float]


def _waits(endings: Sequence[float], wait: Callable[[float | None], float]) -> float:
    """How long the agent waits as one judgement follows another."""
    waits, known = wait(None), 0.0
    for look, ending in zip(LOOKS, endings, strict=False):
        if waits <= look * _WINDOW:
            break
        known = max(known, ending)
        waits = max(wait(known), look * _WINDOW)
    return waits


def policies(turns: TurnSettings) -> dict[str, Policy]:
    """The policies by name; each gives the seconds that it waits."""
    endpointing = EndpointingPolicy(shortest=turns.min_delay, longest=turns.max_delay)

    def by_voice(model: str, sure: float) -> Policy:
        return lambda end: _waits(
            end.endings[model],
            lambda ending: turns.min_delay if (ending or 0.0) >= sure else turns.max_delay,
        )

    def together(model: str) -> Policy:
        usual = Pauses().usual
        return lambda end: _waits(
            end.endings[model] if end.clause is Clause.FINISHED else end.endings[model][:1],
            lambda ending: endpointing(Pause(end.clause, ending, voiced=9.0, usual=usual)),
        )

    return {
        "silence_300": lambda _: 0.3,
        "silence_700": lambda _: 0.7,
        "silence_1000": lambda _: 1.0,
        "words": lambda end: turns.max_delay if end.clause is Clause.UNFINISHED else 0.3,
        "v1_mini": by_voice("v1_mini", 0.36),  # its own threshold for English
        "smart_turn": by_voice("smart_turn", 0.5),  # its own
        "smart_turn_sure": by_voice("smart_turn", 0.8),
        "words_and_smart_turn": together("smart_turn"),
    }


def summarise(found: Sequence[End], policy: Policy, key: str) -> dict[str, report.Metric]:
    """How long the agent waits at finished turns, and how many pauses it cuts into."""
    waits = [policy(end) * 1000 for end in found if end.finished]
    cut = [policy(end) + ANSWER < pause for end in found if not end.finished for pause in PAUSES]
    rate: report.Metric = {
        "value": round(float(np.mean(cut)), 3),
        "n": len(cut) // len(PAUSES),
        "unit": "fraction",
    }
    return {f"wait.{key}": report.percentiles(waits, "ms"), f"cutoff_rate.{key}": rate}


def main() -> None:
    """Measure and report."""
    argparse.ArgumentParser(prog="python -m bench.endturn", description=__doc__).parse_args()
    eot = EOT()
    models: dict[str, Callable[[Sound], float]] = {
        "v1_mini": lambda sound: float(eot.predict(np.ascontiguousarray(sound[-EOT_MAX_SAMPLES:]))),
        "smart_turn": smart_turn.load(),
    }
    spent: dict[str, list[float]] = {name: [] for name in models}
    found: list[End] = []
    for end, sound in ends():
        for so_far in heard(sound):
            for name, model in models.items():
                start = time.thread_time()
                end.endings.setdefault(name, []).append(model(so_far))
                spent[name].append((time.thread_time() - start) * 1000)
        found.append(end)
    metrics: dict[str, report.Metric] = {
        f"processor.{name}": report.percentiles(times, "ms") for name, times in spent.items()
    }
    for half in ("train", "test"):
        for language in ("en", "zh"):
            mine = [end for end in found if (end.half, end.language) == (half, language)]
            for name, policy in policies(TurnSettings()).items():
                metrics |= summarise(mine, policy, f"{name}.{language}.{half}")
    _keep(found)
    report.write("endturn", metrics, profile="none")


def _keep(found: Sequence[End]) -> None:
    path = report.OUT / "endturn" / "ends.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [vars(end) | {"clause": end.clause.value} for end in found]
    path.write_text(yaml.safe_dump(rows, allow_unicode=True, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
