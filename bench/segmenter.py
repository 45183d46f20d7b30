"""Segmenter: megabytes of text (UTF-8) per second of one core.

Run with ``make bench-segmenter``. Texts are given whole, and in tokens of four characters, as a
language model gives them; the units must be the same.
"""

from __future__ import annotations

import argparse
import time

from livekit.plugins.qwen3_tts import Segmenter

from harness import report

TEXTS = {
    "zh": (
        "人工智能正在改变我们的生活。从早晨起床时的语音助手，到晚上睡前的智能灯光，它几乎无处不在。"
        "很多人担心机器会取代人类的工作，不过专家认为，更有可能的情况是人和机器一起合作，"
        "完成以前做不到的事情。你觉得呢？我想听听你的看法！"
    ),
    "en": (
        "Artificial intelligence is changing the way we live. From the voice assistant that wakes "
        "us in the morning, to the smart lights that switch off at night, it is almost everywhere. "
        "Many people worry that machines will replace human work, but most experts think that "
        "people and machines will work together on things that nobody could do before. What do you "
        "think? I'd love to hear your view! "
    ),
}
_BYTES = 2_000_000
_RUNS = 5


def run(text: str, step: int) -> tuple[float, list[str]]:
    """Segment a text that comes in steps; return megabytes per CPU second, and the units."""
    segmenter = Segmenter()
    units: list[str] = []
    begun = time.process_time()
    for start in range(0, len(text), step):
        segmenter.push(text[start : start + step])
        while unit := segmenter.take():
            units.append(unit)
    segmenter.end()
    while unit := segmenter.take():
        units.append(unit)
    return len(text.encode()) / (time.process_time() - begun) / 1e6, units


def main() -> None:
    """Measure and report."""
    argparse.ArgumentParser(prog="python -m bench.segmenter", description=__doc__).parse_args()
    metrics: dict[str, report.Metric] = {}
    for language, text in TEXTS.items():
        long = text * (_BYTES // len(text.encode()))
        units: list[str] = []
        for way, step in (("whole", len(long)), ("tokens", 4)):
            speeds: list[float] = []
            for _ in range(_RUNS):
                speed, found = run(long, step)
                speeds.append(speed)
                units = units or found
                assert found == units, "the units depend on the tokens"
            metrics[f"segmenter.{way}.{language}"] = {
                "value": round(min(speeds), 2),
                "n": _RUNS,
                "unit": "MB/s, slowest run",
            }
    report.write("segmenter", metrics, profile="one core")


if __name__ == "__main__":
    main()
