"""Voice to voice: how long a caller waits for an answer, heard in a real room.

Run with ``make bench-latency``. It writes the two-channel recordings and each turn's raw row beside
the result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import uuid
from pathlib import Path

import yaml

from agent import settings
from agent.stack import Server, Stack
from harness import recording, report, speech
from harness.caller import join
from harness.turn import Turn, ask

QUESTIONS = Path(__file__).with_name("questions.yaml")


async def measure(server: Server, tts_url: str, language: str, turns: int) -> list[Turn]:
    """Hold a conversation of some turns and keep its recording."""
    questions = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))[language]
    voices = speech.VOICES[language]
    results: list[Turn] = []
    async with join(server, f"bench-{uuid.uuid4().hex[:8]}", language=language) as caller:
        await caller.until("listening", within=60)
        await caller.answer(after=0.0)  # the greeting
        for i in range(turns):
            question = await speech.utterance(
                tts_url,
                questions[i % len(questions)]["ask"],
                language=language,
                voice=voices[i % len(voices)],
            )
            results.append(await ask(caller, question))
        recording.write(report.OUT / "latency" / f"{language}.wav", caller.said, caller.heard)
    return results


def summarise(language: str, turns: list[Turn]) -> dict[str, report.Metric]:
    """Percentiles of the turns in milliseconds; turns that were cut off are counted, not timed."""
    timed = [t for t in turns if t.voice_to_voice > 0]
    metrics: dict[str, report.Metric] = {
        f"voice_to_voice.{language}": report.percentiles(
            [t.voice_to_voice * 1000 for t in timed], "ms"
        )
    }
    for stage in timed[0].stages():
        metrics[f"{stage}.{language}"] = report.percentiles(
            [t.stages()[stage] * 1000 for t in timed], "ms"
        )
    metrics[f"cutoff_rate.{language}"] = {
        "value": (len(turns) - len(timed)) / len(turns),
        "n": len(turns),
        "unit": "fraction",
    }
    return metrics


async def main() -> None:
    """Start everything, measure each language, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20, help="turns per language (20)")
    parser.add_argument("--languages", nargs="+", choices=["en", "zh"], default=["en", "zh"])
    args = parser.parse_args()
    metrics: dict[str, report.Metric] = {}
    rows: list[dict[str, object]] = []
    async with Stack() as stack:
        for language in args.languages:
            turns = await measure(stack.server, stack.tts_url, language, args.turns)
            metrics |= summarise(language, turns)
            rows += [
                {
                    "language": language,
                    "understood": t.understood,
                    "answer": t.answer,
                    "voice_to_voice": t.voice_to_voice,
                    **t.stages(),
                    "record": t.record,
                }
                for t in turns
            ]
    path = report.OUT / "latency" / "turns.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    report.write("latency", metrics, profile=str(settings.profile_path("cpu").stem))


if __name__ == "__main__":
    asyncio.run(main())
