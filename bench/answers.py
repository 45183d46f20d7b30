"""Answers: how many of the fixed questions get a sensible answer, typed and spoken.

Those whose answer is in a folder of documents (``bench/lookup.py``) are put to the model alone. Run
with ``make bench-answers``. Sensible means that the answer's captions contain what
``questions.yaml`` says they must. The raw rows are written beside the result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import uuid

import yaml

from agent.stack import Stack
from harness import report, speech
from harness.caller import Caller, join
from harness.turn import ask

from . import lookup
from .latency import QUESTIONS


async def typed(caller: Caller, question: str) -> str:
    """Type a question, and return the captions of the answer."""
    await caller.until("listening")
    start = caller.now
    await caller.type(question)
    await caller.answer(after=start)
    return caller.transcript(caller.agent.identity if caller.agent else "", after=start)


async def measure(stack: Stack, language: str) -> list[dict[str, object]]:
    """Ask every question both ways, each way in a conversation of its own."""
    questions = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))[language]
    voices = speech.VOICES[language]
    rows: list[dict[str, object]] = []
    for way in ("text", "voice"):
        async with join(stack.server, f"bench-{uuid.uuid4().hex[:8]}", language=language) as caller:
            await caller.until("listening", within=60)
            await caller.answer(after=0.0)  # the greeting
            for i, question in enumerate(questions):
                row = {"language": language, "way": way, "question": question["ask"]}
                if way == "text":
                    row["answer"] = await typed(caller, question["ask"])
                else:
                    turn = await ask(
                        caller,
                        await speech.utterance(
                            stack.tts_url,
                            question["ask"],
                            language=language,
                            voice=voices[i % len(voices)],
                        ),
                    )
                    row |= {"answer": turn.answer, "understood": turn.understood}
                sensible = bool(re.search(question["expect"], str(row["answer"]), re.IGNORECASE))
                rows.append({**row, "sensible": sensible})
    return rows


async def main() -> None:
    """Start everything, ask, report."""
    argparse.ArgumentParser(prog="python -m bench.answers", description=__doc__).parse_args()
    async with Stack() as stack:
        rows = [row for language in ("en", "zh") for row in await measure(stack, language)]
        of_documents = await lookup.measure(stack.llm_url)
    metrics: dict[str, report.Metric] = {}
    for language in ("en", "zh"):
        for way in ("text", "voice"):
            of_it = [r["sensible"] for r in rows if (r["language"], r["way"]) == (language, way)]
            metrics[f"answers.{way}.{language}"] = {
                "value": sum(map(bool, of_it)) / len(of_it),
                "n": len(of_it),
                "unit": "fraction",
            }
    path = report.OUT / "answers" / "rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    report.write("answers", metrics | of_documents, profile="cpu")


if __name__ == "__main__":
    asyncio.run(main())
