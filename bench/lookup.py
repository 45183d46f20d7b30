"""Lookup: how many of 20 questions find their answer in a folder, and how many are answered right.

Run with ``make bench-lookup``, and with ``URL=http://HOST:PORT/v1`` to have a language model answer
from what is found; ``make bench-answers`` does that with the CPU profile's. The documents are
``bench/documents``, the questions ``lookup.yaml``. The raw rows are written beside the result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import yaml
from livekit.agents import llm
from livekit.plugins import vllm

from agent import settings
from agent.assistant import instructions
from agent.definition.loading import load_agent
from agent.knowledge import Folder, informed_answer
from agent.settings import Language
from harness import report

HERE = Path(__file__).parent
LANGUAGES: tuple[Language, ...] = ("en", "zh")
AMONG = 3
"""Passages among which the answer has to be: as many as are told, in most turns."""


async def look_up(folder: Folder, question: dict[str, str]) -> dict[str, Any]:
    """Search for a question as it was asked, and tell where its answer was found."""
    began = time.perf_counter()
    passages = await folder.search(question["ask"], AMONG)
    took = time.perf_counter() - began
    right = [passage.source.endswith(f"› {question['section']}") for passage in passages]
    return {
        "question": question["ask"],
        "sources": [passage.source for passage in passages],
        "first": right[:1] == [True],
        "found": any(right),
        "milliseconds": round(took * 1000, 3),
    }


async def answer(
    model: vllm.LLM, folder: Folder, question: str, language: Language
) -> tuple[str, float]:
    """Ask the model beside what is found; gives its answer, and seconds until its first words."""
    chat_ctx = llm.ChatContext.empty()
    prompt = instructions(load_agent("parley"), settings.load("cpu"), language)
    chat_ctx.add_message(role="system", content=prompt)
    chat_ctx.add_message(role="user", content=question)

    async def ask(shown: llm.ChatContext) -> AsyncGenerator[llm.ChatChunk, None]:
        async with model.chat(chat_ctx=shown) as stream:
            async for chunk in stream:
                yield chunk

    began, first, said = time.perf_counter(), 0.0, ""
    async with aclosing(informed_answer(ask, chat_ctx, folder)) as chunks:
        async for chunk in chunks:
            if chunk.delta and chunk.delta.content:
                first = first or time.perf_counter() - began
                said += chunk.delta.content
    return said, first


async def measure(url: str | None) -> dict[str, report.Metric]:
    """Look every question up, and have a model answer it if there is one.

    Args:
        url: The language model's, ending in ``/v1``; None for the search alone.
    """
    questions = yaml.safe_load((HERE / "lookup.yaml").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as work:
        for language in LANGUAGES:
            folder = Folder(HERE / "documents" / language, Path(work) / f"{language}.sqlite3")
            await folder.ready()
            for question in questions[language]:
                row = await look_up(folder, question)
                rows.append({"language": language, **row})
                if url:
                    # Of the CPU profile's temperature, 0.3, one answer is not like the next.
                    model = vllm.LLM(base_url=url, temperature=0.0, max_completion_tokens=160)
                    try:
                        said, first = await answer(model, folder, question["ask"], language)
                    finally:
                        await model.aclose()
                    right = bool(re.search(question["expect"], said, re.IGNORECASE))
                    rows[-1] |= {"answer": said, "right": right, "first_words": first}
            await folder.aclose()
    path = report.OUT / "lookup" / "rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    return _metrics(rows)


def _metrics(rows: list[dict[str, Any]]) -> dict[str, report.Metric]:
    metrics: dict[str, report.Metric] = {}
    for language in LANGUAGES:
        of_it = [row for row in rows if row["language"] == language]
        for key in ("first", "found", "right"):
            told = [row[key] for row in of_it if key in row]
            if told:
                value = round(sum(told) / len(told), 3)
                metrics[f"lookup.{key}.{language}"] = {
                    "value": value,
                    "n": len(told),
                    "unit": "fraction",
                }
    metrics["lookup.search"] = report.percentiles([row["milliseconds"] for row in rows], "ms")
    waits = [row["first_words"] * 1000 for row in rows if row.get("first_words")]
    if waits:
        metrics["lookup.llm_first_words"] = report.percentiles(waits, "ms")
    return metrics


async def main() -> None:
    """Look everything up, report."""
    parser = argparse.ArgumentParser(prog="python -m bench.lookup", description=__doc__)
    parser.add_argument("url", nargs="?", help="base URL of a language model, ending in /v1")
    args = parser.parse_args()
    report.write("lookup", await measure(args.url), profile=args.url or "none")


if __name__ == "__main__":
    asyncio.run(main())
