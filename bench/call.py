"""Questions over real calls: from a phone, through LiveKit's SIP service, and back to the phone.

Run with ``make bench-call``, where `livekit-sip`, `redis-server` and `baresip` are on PATH. It
calls what ``make phone`` starts, with a phone whose microphone is a recording, and goes by what
that phone recorded: an answer is timed from the last sample of a question sent to the first sample
of its answer heard. An answer that is late begins with the agent's word for that ("One moment,
please."), which is its first sound, and a greeting that is still going on when the first question
is asked counts as a cutoff: both are of a machine with other work. Each codec and language has
``--questions`` of them, five a call: as many as are asked for, 20, take 35 minutes in all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from agent.stack import Stack
from agent.stack.phone import check, phone_stack
from agent.telephony import config
from harness import recording, report, speech
from harness.recording import SAMPLE_RATE, Samples
from harness.softphone import RATES, Phone, phone

from .latency import QUESTIONS

NUMBERS = {"en": "100", "zh": "200"}
TRUNKS = "inbound:" + "".join(
    f"\n  {language}: {{numbers: ['{number}'], allowed_addresses: [127.0.0.0/8], "
    f"language: {language}}}"
    for language, number in NUMBERS.items()
)
GREETED = 7.0
"""Seconds until the first question."""
ROUND = 10.0
"""Seconds from the end of a question to the next: an answer is over after 3 to 7, and 8 of silence
later the agent asks whether anybody is there."""
PER_CALL = 5
ASKED = 20


@dataclass
class Answer:
    """What a phone heard of one question; times in seconds."""

    language: str
    codec: str
    question: str
    waited: float | None
    """Negative if the agent spoke into the question; None if nothing came."""
    heard: str
    sensible: bool


async def hold(
    stack: Stack, language: str, codec: str, nth: int, asked: Sequence[tuple[Any, str]]
) -> list[Answer]:
    """Make a call, ask some questions in it, and have what the phone recorded transcribed."""
    spoken = [
        await speech.utterance(stack.tts_url, question["ask"], language=language, voice=voice)
        for question, voice in asked
    ]
    microphone = [_silence(GREETED)]
    for sound in spoken:
        microphone += [sound, _silence(ROUND)]
    with tempfile.TemporaryDirectory() as folder:
        async with phone(
            Path(folder) / "phone", np.concatenate(microphone), "+441632960123", codec=codec
        ) as caller:
            caller.dial(f"sip:{NUMBERS[language]}@127.0.0.1:{stack.ports['sip']}")
            lead = await _lead_of(caller, within=60 + len(np.concatenate(microphone)) / SAMPLE_RATE)
        said, heard = recording.Channel(), recording.Channel()
        said.put(caller.said, len(caller.said) / SAMPLE_RATE)
        late = np.concatenate([_silence(max(lead, 0.0)), caller.heard[_count(max(-lead, 0.0)) :]])
        heard.put(late, len(late) / SAMPLE_RATE)
    recording.write(report.OUT / "call" / f"{language}-{codec}-{nth}.wav", said, heard)
    return [
        await _answer(stack, language, codec, question, said, heard, at)
        for (question, _), at in zip(asked, _moments(spoken), strict=True)
    ]


def plan(
    questions: Sequence[Any], voices: Sequence[str], count: int
) -> list[list[tuple[Any, str]]]:
    """What is asked in whose voice, by calls: every question once before any is asked again.

    A question has another voice each time, until all have asked it.
    """
    size = len(questions)
    asked = [(questions[i % size], voices[(i + i // size) % len(voices)]) for i in range(count)]
    return [asked[i : i + PER_CALL] for i in range(0, count, PER_CALL)]


async def _lead_of(caller: Phone, *, within: float) -> float:
    """Wait for the end of the call, and return how far one recording was ahead of the other."""
    over = asyncio.create_task(caller.until("terminated", within=within))
    leads: list[float] = []
    while not over.done():
        await asyncio.wait((over,), timeout=0.11)
        if (lead := caller.lead) is not None:
            leads.append(lead)
    await over
    return statistics.median(leads)


def _moments(spoken: Sequence[Samples]) -> list[tuple[float, float]]:
    """About when each question begins and ends."""
    moments, at = [], GREETED
    for sound in spoken:
        moments.append((at, at + len(sound) / SAMPLE_RATE))
        at += len(sound) / SAMPLE_RATE + ROUND
    return moments


async def _answer(
    stack: Stack,
    language: str,
    codec: str,
    question: Any,
    said: recording.Channel,
    heard: recording.Channel,
    at: tuple[float, float],
) -> Answer:
    # From the question's beginning on: an agent that speaks into it is heard too.
    asked = said.last_sound(at[1] + 1.0)
    first = heard.first_sound(at[0])
    assert asked is not None
    if first is None or first > asked + ROUND:
        return Answer(language, codec, question["ask"], None, "", False)
    sound = heard.between(first, asked + ROUND)
    text = await speech.transcribe(stack.stt_url, sound, SAMPLE_RATE, language=language)
    sensible = bool(re.search(question["expect"], text, re.IGNORECASE))
    return Answer(language, codec, question["ask"], first - asked, text, sensible)


def summarise(answers: Sequence[Answer]) -> dict[str, report.Metric]:
    """Percentiles of the waits, and how many questions got an answer, and a sensible one."""
    metrics: dict[str, report.Metric] = {}
    for codec, language in dict.fromkeys((a.codec, a.language) for a in answers):
        mine = [a for a in answers if (a.codec, a.language) == (codec, language)]
        waits = [a.waited * 1000 for a in mine if a.waited is not None and a.waited > 0]
        if waits:
            metrics[f"voice_to_voice.{codec}.{language}"] = report.percentiles(waits, "ms")
        for key, count in (
            ("cutoff_rate", sum(a.waited is not None and a.waited <= 0 for a in mine)),
            ("unanswered_rate", sum(a.waited is None for a in mine)),
            ("sensible", sum(a.sensible for a in mine)),
        ):
            metrics[f"{key}.{codec}.{language}"] = {
                "value": round(count / len(mine), 3),
                "n": len(mine),
                "unit": "fraction",
            }
    return metrics


def _silence(seconds: float) -> Samples:
    return np.zeros(_count(seconds), np.int16)


def _count(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


async def main() -> None:
    """Start everything, call, report."""
    parser = argparse.ArgumentParser(prog="make bench-call ARGS=…", description=__doc__)
    parser.add_argument("--languages", nargs="+", choices=list(NUMBERS), default=list(NUMBERS))
    parser.add_argument("--codecs", nargs="+", choices=list(RATES), default=list(RATES))
    parser.add_argument(
        "--questions",
        type=int,
        default=ASKED,
        help=f"for each codec and language, {PER_CALL} a call ({ASKED})",
    )
    args = parser.parse_args()
    if args.questions < 1:
        parser.error("--questions must be 1 or more")
    check()
    questions = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    answers: list[Answer] = []
    path = report.OUT / "call" / "answers.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        trunks = Path(folder) / "trunks.yaml"
        trunks.write_text(TRUNKS)
        async with phone_stack(config.load(trunks)) as stack:
            for language in args.languages:
                calls = plan(questions[language], speech.VOICES[language], args.questions)
                # One codec after the other within a few minutes: the machine is the same to all.
                for nth, asked in enumerate(calls):
                    for codec in args.codecs:
                        told = await hold(stack, language, codec, nth, asked)
                        answers += told
                        rows = [asdict(a) for a in answers]
                        path.write_text(json.dumps(rows, ensure_ascii=False, indent=1))
                        print(*told, sep="\n", flush=True)
    report.write("call", summarise(answers), profile="phone")


if __name__ == "__main__":
    asyncio.run(main())
