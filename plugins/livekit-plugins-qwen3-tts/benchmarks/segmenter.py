"""Measures the segmenter on one core: `python benchmarks/segmenter.py`.

Prints megabytes (UTF-8) a second of CPU time, for texts given whole and in tokens of four
characters, as a language model's come.
"""

from __future__ import annotations

import time

from livekit.plugins.qwen3_tts import Segmenter

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


def run(text: str, step: int) -> tuple[float, int]:
    """Segment a text that comes in steps; return megabytes a second and the count of units."""
    segmenter, units = Segmenter(), 0
    begun = time.process_time()
    for start in range(0, len(text), step):
        segmenter.push(text[start : start + step])
        while segmenter.take():
            units += 1
    segmenter.end()
    while segmenter.take():
        units += 1
    return len(text.encode()) / (time.process_time() - begun) / 1e6, units


def main() -> None:
    """Print the table."""
    print(f"{'text':>6} {'MB':>6} {'units':>8} {'whole MB/s':>12} {'tokens MB/s':>12}")
    for name, text in TEXTS.items():
        long = text * (2_000_000 // len(text.encode()))
        whole, units = run(long, len(long))
        tokens, same = run(long, 4)
        assert units == same, "the units depend on the tokens"
        print(f"{name:>6} {len(long.encode()) / 1e6:6.1f} {units:8} {whole:12.2f} {tokens:12.2f}")


if __name__ == "__main__":
    main()
