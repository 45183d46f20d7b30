"""What a telephone line does to turn-taking: when a voice is seen to begin and end, and a turn.

Run with ``make bench-narrowband``. The sentences of ``endturn.yaml`` (training half) come through
each line into Silero, a second of the line's noise before them and after. For each threshold: how
long until a voice is noticed, how much longer it is heard than it lasts, and the longest gap that
is heard within a sentence; and how many bursts of noise are taken for a voice. Then the ends and
pauses of both halves are judged as in :mod:`bench.endturn`, over each line, by the agent's own
policy. No room takes part.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from livekit.local_inference import VAD, VAD_WINDOW_SAMPLES
from livekit.plugins.turn_taking.end_of_turn import smart_turn
from livekit.plugins.turn_taking.end_of_turn.state import MIN_SPEECH, VOICE_STAYS
from livekit.plugins.turn_taking.end_of_turn.voice import SAMPLE_RATE
from numpy.typing import NDArray

from agent.settings import TurnSettings
from harness import recording, report, sounds
from harness.line import Line
from harness.resample import resampled

from . import endturn
from .duplex import clips, scenarios
from .endturn import End, Sound

LINES: dict[str, Line | None] = {
    "wideband": None,
    "ulaw_loss3": Line("ulaw", loss=0.03, noise=-64.0),
    "alaw_loss3": Line("alaw", loss=0.03, noise=-64.0),
    "bad": Line("ulaw", loss=0.05, noise=-50.0),
}
THRESHOLDS = (0.4, 0.5, 0.55, 0.6, 0.7)
DELAYS = (0.16, 0.3, 0.5)
"""Seconds; values of ``min_delay``."""
GAP = 0.3
"""Seconds of silence within a sentence that are counted."""
NOISES = ("keyboard", "door", "music")
_PER_NOISE = 24
_LEVEL = -10.0
"""Level of a noise, in dB relative to speech."""
_AROUND = np.zeros(SAMPLE_RATE, np.int16)
_WINDOW = VAD_WINDOW_SAMPLES / SAMPLE_RATE
_ONSET = int(MIN_SPEECH / _WINDOW) + 1
"""How many windows of voice begin a turn."""


@dataclass
class Voice:
    """A sentence as the detector hears it: a probability for each window, and where it is."""

    probabilities: NDArray[np.float64]
    start: float
    end: float

    def begins(self, threshold: float) -> float | None:
        """When a turn is seen to begin, in seconds."""
        above = self.probabilities >= threshold
        for i in range(_ONSET, len(above) + 1):
            if above[i - _ONSET : i].all():
                return i * _WINDOW
        return None

    def stays(self, threshold: float) -> NDArray[np.bool_]:
        """For each window, whether a voice that has begun is heard in it."""
        return self.probabilities >= threshold - VOICE_STAYS

    def gap(self, threshold: float) -> float:
        """The longest silence that is heard between its start and its end, in seconds."""
        heard = self.stays(threshold)[int(self.start / _WINDOW) : int(self.end / _WINDOW)]
        edges = np.flatnonzero(np.diff(np.concatenate([[1], heard, [1]])))
        return float(max(np.diff(edges)[::2], default=0)) * _WINDOW


def listen(sound: Sound, line: Line | None) -> Voice:
    """Have a sound come through a line to the detector."""
    first = recording.first_sound(sound, after=0.0)
    assert first is not None
    padded = np.concatenate([_AROUND, sound, _AROUND])
    if line:
        padded = line.carry(padded, SAMPLE_RATE)
    detector = VAD()
    probabilities = [
        detector.predict(padded[i : i + VAD_WINDOW_SAMPLES])
        for i in range(0, len(padded) - VAD_WINDOW_SAMPLES + 1, VAD_WINDOW_SAMPLES)
    ]
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 150)
    return Voice(
        np.array(probabilities),
        1.0 + float(loud[0]) / SAMPLE_RATE,
        1.0 + float(loud[-1]) / SAMPLE_RATE,
    )


def voices(found: Sequence[tuple[End, Sound]], name: str) -> dict[str, report.Metric]:
    """What the detector makes of sentences over a line, at each threshold."""
    heard = [listen(sound, LINES[name]) for end, sound in found if end.finished]
    metrics: dict[str, report.Metric] = {}
    for threshold in THRESHOLDS:
        key = f"{name}.{threshold:g}"
        begun = [(v, v.begins(threshold)) for v in heard]
        late = [(at - v.start) * 1000 for v, at in begun if at is not None and at > v.start]
        hung = [
            ((np.flatnonzero(v.stays(threshold))[-1] + 1) * _WINDOW - v.end) * 1000
            for v, at in begun
            if at is not None
        ]
        metrics[f"onset.{key}"] = report.percentiles(late, "ms")
        metrics[f"hangover.{key}"] = report.percentiles(hung, "ms")
        metrics[f"missed.{key}"] = _share([at is None for _, at in begun])
        metrics[f"before.{key}"] = _share([at is not None and at <= v.start for v, at in begun])
        metrics[f"gap.{key}"] = _share([v.gap(threshold) >= GAP for v in heard])
    return metrics


def noises(name: str) -> dict[str, report.Metric]:
    """How many bursts of noise the detector takes for a voice, at each threshold."""
    heard = [
        listen(resampled(sounds.noise(kind, seed, _LEVEL), recording.SAMPLE_RATE, SAMPLE_RATE),
               LINES[name])
        for kind in NOISES
        for seed in range(_PER_NOISE)
    ]  # fmt: skip
    return {
        f"noise.{name}.{threshold:g}": _share([v.begins(threshold) is not None for v in heard])
        for threshold in THRESHOLDS
    }


async def backchannels(name: str) -> dict[str, report.Metric]:
    """How long a voice is heard in an "mm-hm", at the default threshold."""
    metrics: dict[str, report.Metric] = {}
    for language in ("en", "zh"):
        chosen = scenarios.cases("backchannel", language, "train")
        await clips.prepare(chosen)
        lengths = []
        for case in chosen:
            sound = resampled(clips.of_case(case).samples, recording.SAMPLE_RATE, SAMPLE_RATE)
            voiced = listen(sound, LINES[name]).probabilities >= TurnSettings().vad_threshold
            lengths.append(float(voiced.sum()) * _WINDOW * 1000)
        metrics[f"backchannel.{name}.{language}"] = report.percentiles(lengths, "ms")
    return metrics


def ends(found: Sequence[tuple[End, Sound]], name: str) -> Iterator[tuple[str, report.Metric]]:
    """How long the agent waits at finished turns over a line, and how many pauses it cuts into."""
    model = smart_turn.load()
    for end, sound in found:
        end.endings["smart_turn"] = [model(s) for s in endturn.heard(sound, LINES[name])]
    for delay in DELAYS:
        policy = endturn.policies(TurnSettings(min_delay=delay))["words_and_smart_turn"]
        for half in ("train", "test"):
            for language in ("en", "zh"):
                mine = [e for e, _ in found if (e.half, e.language) == (half, language)]
                yield from endturn.summarise(
                    mine, policy, f"{name}.{delay:g}.{language}.{half}"
                ).items()


def _share(values: Sequence[bool]) -> report.Metric:
    return {"value": round(float(np.mean(values)), 3), "n": len(values), "unit": "fraction"}


def main() -> None:
    """Measure and report."""
    argparse.ArgumentParser(prog="python -m bench.narrowband", description=__doc__).parse_args()
    found = list(endturn.ends())
    train = [(end, sound) for end, sound in found if end.half == "train"]
    metrics: dict[str, report.Metric] = {}
    for name in LINES:
        metrics |= voices(train, name) | noises(name) | asyncio.run(backchannels(name))
        metrics |= dict(ends(found, name))
    report.write("narrowband", metrics, profile="none")


if __name__ == "__main__":
    main()
