"""Words heard over the phone: the recogniser's error rate, wideband and through G.711.

Run with ``make bench-phone``. The same sentences in the same voices, at full band and through each
line, go to the CPU profile's STT. English is counted by word, Chinese by character.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from pathlib import Path

import jiwer
import opencc
import yaml

from agent.stack import Stack
from harness import report, speech
from harness.line import LINES
from harness.recording import SAMPLE_RATE

SENTENCES = Path(__file__).with_name("phone_sentences.yaml")


def words(text: str, language: str) -> str:
    """A text as it is compared: simplified characters with spaces between, or lower-case words."""
    if language == "zh":
        return " ".join(re.sub(r"[\W_]", "", opencc.OpenCC("t2s").convert(text)))
    return " ".join(re.findall(r"[a-z']+", text.lower()))


async def measure(stack: Stack, language: str) -> list[dict[str, str]]:
    """Say every sentence in every voice over every line."""
    rows: list[dict[str, str]] = []
    sentences = yaml.safe_load(SENTENCES.read_text(encoding="utf-8"))[language]
    for voice in speech.VOICES[language]:
        for sentence in sentences:
            said = await speech.utterance(stack.tts_url, sentence, language=language, voice=voice)
            for name, line in LINES.items():
                sound = line.carry(said) if line else said
                heard = await speech.transcribe(
                    stack.stt_url, sound, SAMPLE_RATE, language=language
                )
                rows.append(
                    {
                        "language": language,
                        "voice": voice,
                        "line": name,
                        "said": words(sentence, language),
                        "heard": words(heard, language),
                    }
                )
    return rows


def summarise(rows: list[dict[str, str]]) -> dict[str, report.Metric]:
    """The error rate of each language over each line."""
    metrics: dict[str, report.Metric] = {}
    for language in ("en", "zh"):
        for line in LINES:
            some = [r for r in rows if (r["language"], r["line"]) == (language, line)]
            rate = jiwer.wer([r["said"] for r in some], [r["heard"] for r in some])
            unit = "of words" if language == "en" else "of characters"
            metrics[f"wer.{line}.{language}"] = {
                "value": round(float(rate), 4),
                "n": len(some),
                "unit": unit,
            }
    return metrics


async def main() -> None:
    """Start everything, speak, report."""
    argparse.ArgumentParser(prog="python -m bench.phone", description=__doc__).parse_args()
    async with Stack() as stack:
        rows = [row for language in ("en", "zh") for row in await measure(stack, language)]
    path = report.OUT / "phone" / "rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    report.write("phone", summarise(rows), profile="cpu")


if __name__ == "__main__":
    asyncio.run(main())
