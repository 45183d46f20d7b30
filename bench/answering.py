"""Who picked up: calls that the agent places, to people, answering machines and menus.

Run with ``make bench-answering``. The greetings of ``answering.yaml`` are spoken by Kokoro's voices
and come through G.711, each into a room in which
:class:`agent.telephony.answering_machine.CallScreening` listens as in a call: with its VAD and the
profile's own STT and TTS, in real time. A machine beeps after its greeting, and the message is to
begin after that and no sooner.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import numpy as np
import yaml
from livekit import rtc
from livekit.agents import Agent
from livekit.plugins.turn_taking import Endpointer
from pydantic import HttpUrl

from agent import engines, settings
from agent.definition.loading import load_agent
from agent.session import make
from agent.settings import Language, Settings
from agent.stack import Server
from agent.telephony.answering_machine import AnsweredBy, CallScreening
from harness import report, speech
from harness.caller import Caller, agent_token, join
from harness.line import Line
from harness.recording import SAMPLE_RATE, Samples

from . import programs

VOICES: dict[str, dict[Language, list[str]]] = {
    "train": {
        "en": ["am_michael", "af_heart", "bm_george", "af_bella"],
        "zh": ["zm_yunjian", "zf_xiaoyi"],
    },
    "test": {
        "en": ["am_adam", "bf_emma", "af_sarah", "am_onyx"],
        "zh": ["zm_yunyang", "zf_xiaobei"],
    },
}
MESSAGE: dict[Language, str] = {
    "en": "This is Parley. Your kettle is ready.",
    "zh": "我是 Parley。您的水壶修好了。",
}
BEEPS = [(1000.0, 0.4), (440.0, 0.3), (1400.0, 0.25), (850.0, 0.8)]
"""Frequency in Hz and length in seconds of each beep, used in turn."""
PAUSE = 1.2
"""Seconds of pause for a bar in the texts: longer than between two sentences."""
PICKED_UP = 0.5
"""Seconds before the first word."""
BEFORE_BEEP = 0.7
WITHIN = 30.0
"""Seconds that a case may last at most."""
CALL = {"sip.callID": "SCL_1", "sip.callStatus": "active"}


@dataclass
class Case:
    """Somebody or something that picks up."""

    half: str
    language: Language
    kind: AnsweredBy
    text: str
    voice: str
    number: int

    @property
    def line(self) -> Line:
        """A line of either law in turn, with some packets lost and the noise of a fair line."""
        law = ("ulaw", "alaw")[self.number % 2]
        return Line(law, loss=0.01, seed=self.number, noise=-64.0)  # type: ignore[arg-type]

    async def sound(self, tts_url: str) -> Samples:
        """What is said, the beep included."""
        parts = [
            await speech.utterance(tts_url, part, language=self.language, voice=self.voice)
            for part in self.text.split(" | ")
        ]
        pieces = [parts[0]]
        for part in parts[1:]:
            pieces += [_silence(PAUSE), part]
        if self.kind == "machine":
            pieces += [_silence(BEFORE_BEEP), _beep(*BEEPS[self.number % len(BEEPS)])]
        return np.concatenate(pieces)


@dataclass
class Row:
    """What became of a case; times in seconds."""

    case: Case
    verdict: AnsweredBy | None
    from_greeting: float | None
    """From the first sound of whoever picked up to the verdict."""
    from_end: float | None
    """From their last word (before the beep) to the verdict."""
    spoke_after: float | None
    """From the last sound, the beep included, to the first of the agent's; None if it said none."""
    heard: list[str]
    """What the STT made of it, in the order in which it came."""


def cases(halves: Sequence[str], languages: Sequence[Language]) -> Iterator[Case]:
    """All cases, each with the next of its half's voices."""
    texts = yaml.safe_load(Path(__file__).with_name("answering.yaml").read_text(encoding="utf-8"))
    for half in halves:
        for language in languages:
            voices, number = VOICES[half][language], 0
            for kind, lines in texts[half][language].items():
                for text in lines:
                    voice = voices[number % len(voices)]
                    yield Case(half, language, kind, text, voice, number)
                    number += 1


class _Speaker(Agent):
    """The agent that a person is handed over to."""

    def __init__(self, message: str) -> None:
        super().__init__(instructions="")
        self._message = message

    async def on_enter(self) -> None:
        self.session.say(self._message)


async def screen(case: Case, server: Server, profile: Settings, http: aiohttp.ClientSession) -> Row:
    """Have a call answered, and see what the agent makes of it."""
    sound = await case.sound(profile.tts.url)
    name = f"answering-{uuid.uuid4().hex[:8]}"
    async with contextlib.AsyncExitStack() as stack:
        callee = await stack.enter_async_context(
            join(server, name, identity="callee", call=CALL, line=case.line)
        )
        room = rtc.Room()
        await room.connect(server.url, agent_token(server, name))
        stack.push_async_callback(room.disconnect)
        endpointer = Endpointer.load(profile.phone.turns.options)
        stt = engines.stt(profile.stt, case.language, detector=endpointer)
        tts = engines.tts(profile.tts, case.language, http_session=http)
        for engine in (stt, tts):
            stack.push_async_callback(engine.aclose)
        conversation = make(
            profile,
            load_agent("parley"),
            room=room,
            stt=stt,
            tts=tts,
            language=case.language,
            phone=True,
            endpointer=endpointer,
        )
        stack.push_async_callback(conversation.aclose)
        session = conversation.session
        heard: list[str] = []
        session.on("user_input_transcribed", lambda event: heard.append(event.transcript))
        message = MESSAGE[case.language]
        screening = CallScreening(message, _Speaker(message), conversation.floor)
        await conversation.start(screening, room, hears=callee.identity)
        await callee.until("listening")
        await asyncio.sleep(PICKED_UP)
        return await _watch(case, callee, screening, sound, heard)


async def _watch(
    case: Case, callee: Caller, screening: CallScreening, sound: Samples, heard: list[str]
) -> Row:
    began = callee.now
    speaking = asyncio.create_task(callee.say(sound))
    decided: float | None = None
    spoke: float | None = None
    quiet = began + len(sound) / SAMPLE_RATE
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN):
            while decided is None or spoke is None:
                await callee.tick()
                if decided is None and screening.answered_by:
                    decided = callee.now
                if (last := callee.heard.last_loud) is not None and last > began:
                    spoke = callee.heard.first_sound(began)
                if screening.answered_by == "unreachable":
                    break
            quiet = await speaking
    speaking.cancel()
    first = callee.said.first_sound(began)
    last = callee.said.last_sound(quiet + 0.1)
    assert first is not None
    assert last is not None
    words_end = last - (_beep_length(case) if case.kind == "machine" else 0.0)
    return Row(
        case,
        screening.answered_by,
        from_greeting=decided - first if decided is not None else None,
        from_end=decided - words_end if decided is not None else None,
        spoke_after=spoke - last if spoke is not None else None,
        heard=heard,
    )


def summarise(rows: Sequence[Row]) -> dict[str, report.Metric]:
    """How many were right, and how long it took, by half, language and kind."""
    metrics: dict[str, report.Metric] = {}
    for half, language, kind in dict.fromkeys(
        (r.case.half, r.case.language, r.case.kind) for r in rows
    ):
        some = [
            r for r in rows if (r.case.half, r.case.language, r.case.kind) == (half, language, kind)
        ]
        key = f"{kind}.{language}.{half}"
        right = [r for r in some if r.verdict == kind]
        metrics[f"right.{key}"] = {"value": len(right), "n": len(some), "unit": "calls"}
        # The wait for a verdict counts from a person's last word, but from a machine's first.
        times = [r.from_end if kind == "person" else r.from_greeting for r in right]
        if known := [t * 1000 for t in times if t is not None]:
            metrics[f"decided.{key}"] = report.percentiles(known, "ms")
        spoken = [r.spoke_after * 1000 for r in right if r.spoke_after is not None]
        if kind in ("person", "machine") and spoken:
            metrics[f"spoke_after.{key}"] = report.percentiles(spoken, "ms")
    return metrics


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def _beep(frequency: float, seconds: float) -> Samples:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (np.sin(2 * np.pi * frequency * t) * 6000).astype(np.int16)


def _beep_length(case: Case) -> float:
    return BEFORE_BEEP + BEEPS[case.number % len(BEEPS)][1]


async def main() -> None:
    """Start everything, place the calls, report."""
    parser = argparse.ArgumentParser(prog="make bench-answering ARGS=…", description=__doc__)
    parser.add_argument("--halves", nargs="+", choices=VOICES, default=list(VOICES))
    parser.add_argument("--languages", nargs="+", choices=["en", "zh"], default=["en", "zh"])
    args = parser.parse_args()
    rows: list[Row] = []
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(programs.livekit())
        stt, tts = [
            HttpUrl(await stack.enter_async_context(programs.engine(name)))
            for name in ("stt", "tts")
        ]
        http = await stack.enter_async_context(aiohttp.ClientSession())
        profile = settings.load("phone")
        profile = profile.model_copy(
            update={
                "stt": profile.stt.model_copy(update={"base_url": stt}),
                "tts": profile.tts.model_copy(update={"base_url": tts}),
            }
        )

        async def call(language: Language) -> None:
            for case in cases(args.halves, [language]):
                row = await screen(case, server, profile, http)
                rows.append(row)
                mark = " " if row.verdict == case.kind else "✗"
                print(f"{mark} {case.kind}: {row.verdict}, {case.text}  ← {row.heard[-1:]}")

        # A call in each language at once: most of a call is waiting.
        async with asyncio.TaskGroup() as group:
            for language in args.languages:
                group.create_task(call(language))
    path = report.OUT / "answering" / "rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(r) for r in rows], ensure_ascii=False, indent=1))
    report.write("answering", summarise(rows), profile="phone")


if __name__ == "__main__":
    asyncio.run(main())
