"""Answers: how many of the fixed questions get a sensible answer, typed and spoken.

Those whose answer is in a folder of documents (``bench/lookup.py``) are put to the model alone. Run
with ``make bench-answers``, and with ``PARLEY_MODELS=large`` for the models of more cores, whose
result bears another name. Sensible means that the answer's captions contain what
``questions.yaml`` says they must. The raw rows are written beside the result.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import sys
import uuid
from collections.abc import Sequence

import yaml

from agent.models import called, size
from agent.stack import Stack
from harness import report, speech
from harness.caller import Caller, join
from harness.turn import ask

from . import lookup
from .latency import QUESTIONS

LANGUAGES = ["en", "zh"]
WAYS = ["text", "voice"]


async def typed(caller: Caller, question: str) -> str:
    """Type a question, and return the captions of the answer."""
    await caller.until("listening")
    start = caller.now
    await caller.type(question)
    await caller.answer(after=start)
    return caller.transcript(caller.agent.identity if caller.agent else "", after=start)


async def measure(stack: Stack, language: str, ways: Sequence[str]) -> list[dict[str, object]]:
    """Ask every question in some ways, each way in a conversation of its own."""
    questions = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))[language]
    voices = speech.VOICES[language]
    rows: list[dict[str, object]] = []
    for way in ways:
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
                print(json.dumps(rows[-1], ensure_ascii=False), file=sys.stderr, flush=True)
    return rows


async def main() -> None:
    """Start everything, ask, report."""
    parser = argparse.ArgumentParser(prog="make bench-answers ARGS=…", description=__doc__)
    add = parser.add_argument
    add("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    add("--ways", nargs="+", choices=WAYS, default=WAYS, help="how the questions are asked (both)")
    add("--no-documents", action="store_true", help="leave the questions on documents out")
    args = parser.parse_args()
    rows: list[dict[str, object]] = []
    async with Stack() as stack:
        for language in args.languages:
            rows += await measure(stack, language, args.ways)
        metrics = {} if args.no_documents else await lookup.measure(stack.llm_url)
    for language, way in itertools.product(args.languages, args.ways):
        of_it = [r["sensible"] for r in rows if (r["language"], r["way"]) == (language, way)]
        metrics[f"answers.{way}.{language}"] = {
            "value": sum(map(bool, of_it)) / len(of_it),
            "n": len(of_it),
            "unit": "fraction",
        }
    name = "answers" if size.chosen() == "small" else "answers-large"
    path = report.OUT / name / "rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    report.write(name, metrics, profile=f"cpu: {called('stt')}, {called('llm')}")


if __name__ == "__main__":
    asyncio.run(main())
