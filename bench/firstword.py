"""How soon the CPU profile's recogniser gives the first word of an interruption.

Run with ``make bench-firstword``. Callers' sentences (interruptions of ``make bench-duplex``,
and recordings of people if a folder of them is named) go to the recogniser in real time,
through the plugin: on an idle machine, and ``over`` a reply that the profile's own language model
and voice are making on the same machine, whose playback is simulated. What is counted is the time
from the first sound of the sentence to the first transcript with a word in it, how often there is
one (of noises, too), how often it is the right one, and for how long the playback ran dry.

``--against`` has another checkout's engines do the same in turns. On a machine that does other
things beside, ``--simulated`` compares the recognisers of two checkouts all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import aiohttp
import numpy as np
import soundfile
from livekit import rtc
from livekit.agents import llm, stt
from pydantic import HttpUrl

from agent import engines, settings
from agent.local.whisper import Whisper
from agent.models import locate
from agent.settings import Settings
from harness import report, sounds, speech
from harness.recording import SAMPLE_RATE, Samples, first_sound, trim
from harness.resample import resampled

from . import programs, simulated
from .duplex import clips, scenarios
from .duplex.align import key, words
from .duplex.real import PROMPTS
from .duplex.scenarios import Half, Language

PATIENCE = 2.5
"""Seconds from the first sound after which a word would be too late for anything."""

_FRAME = SAMPLE_RATE // 50
_BEFORE = SAMPLE_RATE // 2
"""Samples of silence before a sentence."""
_SPOKEN = ("interruption", "question", "command", "statement", "telephone", "pause_inside")
"""Kinds of recordings of people that are said to an agent: not its backchannels, nor noises."""
_AT = (1.0, 2.5)
"""When a sentence begins, in seconds from the first sound of the reply."""


@dataclass(frozen=True)
class Sentence:
    """What is said over the agent."""

    name: str
    language: Language
    text: str
    samples: Samples


@dataclass
class Heard:
    """What came of a sentence."""

    recogniser: str
    state: str
    kind: str
    name: str
    language: str
    said: str
    text: str
    """The first transcript with a word in it; empty if there was none in time."""
    seconds: float
    """Until it came."""
    dry: float
    """Seconds for which the reply's playback had nothing to play, from its first sound on."""

    @property
    def right(self) -> bool:
        """Whether its first word is the one that was said."""
        heard, said = words(self.text)[:1], words(self.said)[:1]
        return [key(word) for word in heard] == [key(word) for word in said]


class Reply:
    """A reply in the making, and the listener's side of it: who plays what has come, in time."""

    def __init__(self) -> None:
        self.sounds = asyncio.Event()
        self.dry = 0.0
        self._ends = 0.0

    def push(self, seconds: float) -> None:
        """Take sound that has come now."""
        now = time.monotonic()
        if self.sounds.is_set():
            self.dry += max(0.0, now - self._ends)
        self._ends = max(self._ends, now) + seconds
        self.sounds.set()


@contextlib.asynccontextmanager
async def replying(profile: Settings, language: Language) -> AsyncIterator[Reply]:
    """Have the profile's model and voice make a long reply, until the context ends."""
    reply = Reply()
    task = asyncio.create_task(_reply(profile, language, reply))
    try:
        waiting = asyncio.create_task(reply.sounds.wait())
        await asyncio.wait({task, waiting}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task
        if not reply.sounds.is_set():
            raise TimeoutError("the reply has no sound after 60 s")
        yield reply
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _reply(profile: Settings, language: Language, reply: Reply) -> None:
    chat = llm.ChatContext.empty()
    chat.add_message(role="user", content=PROMPTS[language])
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        model = engines.llm(profile.llm)
        stack.push_async_callback(model.aclose)
        voice = engines.tts(profile.tts, language, http_session=http)
        stack.push_async_callback(voice.aclose)
        sound = await stack.enter_async_context(voice.stream())

        async def write() -> None:
            async with model.chat(chat_ctx=chat) as answer:
                async for chunk in answer:
                    if chunk.delta and chunk.delta.content:
                        sound.push_text(chunk.delta.content)
            sound.end_input()

        writing = asyncio.create_task(write())
        try:
            async for event in sound:
                reply.push(event.frame.duration)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)


async def hear(recogniser: stt.STT[Any], sentence: Sentence) -> tuple[str, float]:
    """Speak a sentence to a recogniser in real time.

    Returns:
        The first transcript with a word in it, empty if there was none, and the seconds until it
        came from the first sound.
    """
    stream = recogniser.stream()
    onset = first_sound(sentence.samples, after=0.0) or 0.0
    samples = sentence.samples[: round((onset + PATIENCE) * SAMPLE_RATE)]
    silence = np.zeros(_BEFORE, np.int16)
    samples = np.concatenate([silence, samples, np.zeros(round(SAMPLE_RATE * PATIENCE), np.int16)])
    began = time.monotonic() + _BEFORE / SAMPLE_RATE + onset
    speaking = asyncio.create_task(_speak(stream, samples))
    text, at = "", PATIENCE
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(began + PATIENCE - time.monotonic()):
                async for event in stream:
                    if _is_text(event) and (text := event.alternatives[0].text):
                        at = time.monotonic() - began
                        break
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await stream.aclose()
    return text, at


def _is_text(event: stt.SpeechEvent) -> bool:
    return bool(event.alternatives) and bool(words(event.alternatives[0].text))


async def _speak(stream: stt.RecognizeStream, samples: Samples) -> None:
    began = time.monotonic()
    for start in range(0, len(samples), _FRAME):
        piece = samples[start : start + _FRAME]
        # A frame is there when its last sample has been said.
        await asyncio.sleep(began + (start + len(piece)) / SAMPLE_RATE - time.monotonic())
        stream.push_frame(rtc.AudioFrame(piece.tobytes(), SAMPLE_RATE, 1, len(piece)))


async def synthetic(tts_url: str, language: Language, half: Half, count: int) -> list[Sentence]:
    """Some of the interruptions of ``make bench-duplex``."""
    found: list[Sentence] = []
    for case in scenarios.cases("interruption", language, half)[:count]:
        samples = await speech.utterance(tts_url, case.text, language=language, voice=case.voice)
        samples = sounds.at_level(samples, sounds.SPEECH)
        found.append(Sentence(case.key, language, case.text, samples))
    return found


def noises(language: Language, half: Half, count: int) -> list[Sentence]:
    """Some of the noises of ``make bench-duplex``; not those made of voices."""
    chosen = [c for c in scenarios.cases("noise", language, half) if c.voice != "babble"]
    return [Sentence(c.key, language, "", clips.of_case(c).samples) for c in chosen[:count]]


def real(folder: Path, language: Language, count: int) -> tuple[list[Sentence], list[Sentence]]:
    """Recordings as the ``manifest.json`` of their folder describes them, the shortest first.

    Returns:
        What people say, and noises.
    """
    entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    entries.sort(key=lambda e: e["seconds"])

    def sentence(entry: dict[str, Any]) -> Sentence:
        samples, rate = soundfile.read(folder / entry["file"], dtype="int16")
        sound = trim(resampled(samples, rate, SAMPLE_RATE))
        return Sentence(entry["file"], language, entry.get("text") or "", sound)

    said = [e for e in entries if e["kind"] in _SPOKEN and e["lang"] == language]
    noise = [e for e in entries if e["kind"].startswith("noise:")]
    return [sentence(e) for e in said[:count]], [sentence(e) for e in noise]


def summarise(rows: Iterable[Heard]) -> dict[str, report.Metric]:
    """Figures for each recogniser, state of the machine, kind of sentence and language."""
    groups: dict[str, list[Heard]] = {}
    for row in rows:
        group = f"{row.state}.{row.kind}.{row.language}.{row.recogniser}"
        groups.setdefault(group, []).append(row)
    metrics: dict[str, report.Metric] = {}
    for group, found in groups.items():
        shares = {"words": [bool(h.text) for h in found]}
        if found[0].kind != "noise":
            # One that never came is as late as can be, or the slowest would not count.
            times = [h.seconds * 1000 for h in found]
            metrics[f"first_word.{group}"] = report.percentiles(times, "ms")
            shares["right"] = [h.right for h in found]
        for name, values in shares.items():
            share = sum(values) / len(values)
            metrics[f"{name}.{group}"] = {"value": share, "n": len(found), "unit": "fraction"}
        if found[0].state == "over":
            metrics[f"dry.{group}"] = report.percentiles([h.dry * 1000 for h in found], "ms")
    return metrics


def _address(profile: Settings, **urls: str) -> Settings:
    changed = {
        name: getattr(profile, name).model_copy(update={"base_url": HttpUrl(url)})
        for name, url in urls.items()
    }
    return profile.model_copy(update=changed)


async def measure(
    recognisers: dict[str, Settings], sentences: dict[str, list[Sentence]], states: Sequence[str]
) -> list[Heard]:
    """Speak every sentence to every recogniser in every state, the recognisers in turns."""
    rows: list[Heard] = []
    ears: dict[tuple[str, Language], stt.STT[Any]] = {}
    languages = {s.language for found in sentences.values() for s in found}
    for name, profile in recognisers.items():
        for language in languages:
            ears[name, language] = engines.stt(profile.stt, language)
    for state in states:
        for kind, found in sentences.items():
            if kind == "noise" and state == "over":
                continue  # what is invented for a noise does not depend on the load
            for i, sentence in enumerate(found):
                at = _AT[0] + (_AT[1] - _AT[0]) * i / max(1, len(found) - 1)
                for name, profile in recognisers.items():
                    async with contextlib.AsyncExitStack() as stack:
                        reply = None
                        if state == "over":
                            speaking = replying(profile, sentence.language)
                            reply = await stack.enter_async_context(speaking)
                            await asyncio.sleep(at - _BEFORE / SAMPLE_RATE)
                        text, seconds = await hear(ears[name, sentence.language], sentence)
                        dry = reply.dry if reply else 0.0
                    rows.append(_row(name, state, kind, sentence, text, seconds, dry))
    for ear in ears.values():
        await ear.aclose()
    return rows


def simulate(
    sentences: dict[str, list[Sentence]], factors: Sequence[float], against: Path | None
) -> list[Heard]:
    """Have all sentences heard on a simulated clock; decodes take so many times as long."""
    kinds = {"this": simulated.hearing_of(None)}
    if against:
        kinds["other"] = simulated.hearing_of(against)
    whisper = Whisper(locate("stt"), threads=1)
    rows: list[Heard] = []
    for factor, (kind, found) in itertools.product(factors, sentences.items()):
        for sentence, (name, hearing) in itertools.product(found, kinds.items()):
            text, seconds = simulated.first_word(
                hearing, whisper, sentence.samples, sentence.language,
                patience=PATIENCE, factor=factor,
            )  # fmt: skip
            rows.append(_row(name, f"times{factor:g}", kind, sentence, text, seconds))
    return rows


def _row(
    recogniser: str, state: str, kind: str, sentence: Sentence, text: str, seconds: float,
    dry: float = 0.0,
) -> Heard:  # fmt: skip
    row = Heard(
        recogniser, state, kind, sentence.name, sentence.language, sentence.text,
        text, round(seconds, 3), round(dry, 3),
    )  # fmt: skip
    print(json.dumps(asdict(row), ensure_ascii=False), file=sys.stderr, flush=True)
    return row


async def in_real_time(
    sentences: dict[str, list[Sentence]], args: argparse.Namespace
) -> list[Heard]:
    """Start the engines, and speak to them."""
    profile = settings.load("cpu")
    async with contextlib.AsyncExitStack() as stack:
        checkouts = {"this": None, **({"other": args.against} if args.against else {})}
        recognisers: dict[str, Settings] = {}
        for name, folder in checkouts.items():
            urls = {
                engine: await stack.enter_async_context(programs.engine(engine, folder=folder))
                for engine in ("llm", "stt", "tts")
            }
            recognisers[name] = _address(profile, **urls)
        voice = recognisers["this"].tts.url
        for language in args.languages:
            sentences["synthetic"] += await synthetic(voice, language, args.half, args.cases)
        return await measure(recognisers, sentences, args.states)


async def main() -> None:
    """Start the engines, measure and report."""
    parser = argparse.ArgumentParser(prog="make bench-firstword ARGS=…", description=__doc__)
    add = parser.add_argument
    add("--cases", type=int, default=20, help="sentences of each kind and language (20)")
    add("--noises", type=int, default=12, help="noises, in each language (12)")
    add("--half", choices=get_args(Half), default="test", help="of the sentences and noises (test)")
    add("--languages", nargs="+", choices=get_args(Language), default=list(get_args(Language)))
    add("--states", nargs="+", choices=["idle", "over"], default=["idle", "over"])
    add("--real", type=Path, help="a folder of recordings of people, with a manifest.json")
    add("--against", type=Path, help="another checkout, whose engines are measured beside these")
    add(
        "--simulated", type=float, nargs="+", metavar="FACTOR",
        help="on a simulated clock, with decodes that take so many times as long as one core does",
    )  # fmt: skip
    args = parser.parse_args()
    sentences: dict[str, list[Sentence]] = {"synthetic": [], "real": [], "noise": []}
    for language in args.languages:
        sentences["noise"] += noises(language, args.half, args.noises)
        if args.real:
            said, noise = real(args.real, language, args.cases)
            sentences["real"] += said
            sentences["noise"] += noise[: args.noises]
    if args.simulated:
        async with programs.engine("tts") as voice:
            for language in args.languages:
                sentences["synthetic"] += await synthetic(voice, language, args.half, args.cases)
        rows = simulate(sentences, args.simulated, args.against)
    else:
        rows = await in_real_time(sentences, args)
    name = "firstword" if args.simulated else "firstword-live"
    report.write(name, summarise(rows), profile="cpu")
    path = report.OUT / name / "rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(r) for r in rows], ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
