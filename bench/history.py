"""History: after an interruption, how far the chat history is from what the caller heard.

Run with ``make bench-history``. A known text is spoken in a real room, a caller speaks into it at
a random moment, and Whisper is asked what the caller heard until the voice fell silent. The error
is what the history has too much (positive) or too little, in words, in Chinese in characters.
What was heard is written beside the result.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import re
from dataclasses import dataclass

import opencc
from faster_whisper import WhisperModel, decode_audio
from livekit.agents import ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage
from pypinyin import lazy_pinyin

from agent.demo import Stack
from agent.local.models import locate

from . import recording, report, speech, wav
from .speaker import Conversation, converse

TEXTS = {
    "en": (
        "Sure. The old museum by the river opens early in the morning and closes in the evening. "
        "If you come before noon, the line is short and the tickets are a little cheaper. "
        "You can leave your coat at the entrance, and there is a small garden behind the house."
    ),
    "zh": (
        "好的。河边的那家老博物馆早上开门很早，晚上才关门。如果你中午之前来，排队的人比较少，"
        "门票也会便宜一些。你可以把外套放在门口，房子后面还有一个安静的小花园，适合坐下来休息。"
    ),
}
INTERRUPTION = {"en": "Stop, please. That is enough for now.", "zh": "等一下，先停一停好吗？"}
_EARLIEST, _LATEST = 1.0, 8.0
"""Seconds of the reply before the caller begins; it lasts eleven and more."""
_SETTLED = 2.5
"""Seconds after which a turn is decided: a profile's longest delay, 1.5, and Whisper's time."""


@dataclass
class BargeIn:
    """One interruption."""

    language: str
    at: float
    """Seconds from the reply's first sound to the first of the interruption."""
    lasted: float
    """Seconds of the reply that were heard."""
    history: str
    samples: recording.Samples
    """What was heard, from the first sound to the last."""
    heard: str = ""
    """What Whisper makes of it."""
    error: int = 0


async def barge_in(
    conversation: Conversation,
    language: str,
    interruption: recording.Samples,
    at: float,
) -> BargeIn:
    """Have the text spoken and speak into it.

    Args:
        conversation: Where.
        language: Of the text.
        interruption: What the caller says.
        at: When, in seconds after the first sound.

    Raises:
        TimeoutError: The reply was not stopped.
    """
    caller, session = conversation.caller, conversation.session
    added: asyncio.Queue[ChatMessage] = asyncio.Queue()

    def on_item(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage) and event.item.role == "assistant":
            added.put_nowait(event.item)

    session.on("conversation_item_added", on_item)
    try:
        # The turn of an earlier interruption would end this reply before its first sound.
        await asyncio.sleep(_SETTLED)
        start = caller.now
        session.say(TEXTS[language])
        async with asyncio.timeout(60):
            while (first := caller.heard.first_sound(start)) is None:
                await caller.tick()
            while caller.now < first + at:
                await caller.tick()
            await caller.say(interruption)
            message = await added.get()
            await asyncio.sleep(0.5)  # what is still on its way to the caller's ears
    finally:
        session.off("conversation_item_added", on_item)
    last = caller.heard.last_sound(caller.heard.duration)
    assert last is not None
    heard = caller.heard.between(first, last + 0.2)
    return BargeIn(language, at, last - first, message.text_content or "", heard)


def judge(barge_ins: list[BargeIn]) -> None:
    """Let Whisper say what was heard, and count what the history has more or less than that."""
    # The agent's own ear hears with a shortened window, for speed; here all of it counts.
    whisper = WhisperModel(str(locate("stt")), device="cpu", compute_type="int8")
    for found in barge_ins:
        audio = decode_audio(io.BytesIO(wav.encode(found.samples, recording.SAMPLE_RATE)))
        segments, _ = whisper.transcribe(
            audio, language=found.language, word_timestamps=True, condition_on_previous_text=False
        )
        # What Whisper goes on to say after the sound has ended, nobody heard.
        words = [w.word for s in segments for w in s.words if w.start < found.lasted]
        found.heard = opencc.OpenCC("t2s").convert("".join(words).strip())
        said = heard_units(TEXTS[found.language], found.heard)
        found.error = len(units(found.history)) - said


def units(text: str) -> list[str]:
    """Words, in Chinese the syllables of its characters: Whisper writes others that sound alike."""
    found = re.findall(r"[㐀-鿿]|[^\W㐀-鿿]+(?:'[^\W㐀-鿿]+)*", text.lower())
    return lazy_pinyin(found)


def heard_units(text: str, heard: str) -> int:
    """How many units of a text were heard: those of the beginning that is closest to it."""
    said, got = units(text), units(heard)
    # Levenshtein's distance of what was heard from every beginning of the text.
    distances = list(range(len(said) + 1))
    for i, unit in enumerate(got, 1):
        before, distances[0] = distances[0], i
        for j, other in enumerate(said, 1):
            replaced = before + (unit != other)
            before = distances[j]
            distances[j] = min(replaced, distances[j] + 1, distances[j - 1] + 1)
    closest = [i for i, distance in enumerate(distances) if distance == min(distances)]
    return min(closest, key=lambda i: abs(i - len(got)))


async def measure(stack: Stack, language: str, count: int, seed: int) -> list[BargeIn]:
    """Interrupt so many times, at moments that the seed decides."""
    rng = random.Random(seed)
    found: list[BargeIn] = []
    interruption = await speech.utterance(
        stack.tts_url, INTERRUPTION[language], language=language, voice=speech.VOICES[language][0]
    )
    async with converse(
        stack.server, tts_url=stack.tts_url, stt_url=stack.stt_url, language=language
    ) as conversation:
        for _ in range(count):
            at = rng.uniform(_EARLIEST, _LATEST)
            found.append(await barge_in(conversation, language, interruption, at))
    return found


async def main() -> None:
    """Start everything, interrupt, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="interruptions a language (10)")
    parser.add_argument("--seed", type=int, default=1, help="of their moments (1)")
    args = parser.parse_args()
    metrics: dict[str, report.Metric] = {}
    rows: list[BargeIn] = []
    async with Stack() as stack:
        for language in TEXTS:
            rows += await measure(stack, language, args.count, args.seed)
    judge(rows)
    for language, allowed in (("en", 1), ("zh", 2)):
        errors = [abs(row.error) for row in rows if row.language == language]
        unit = "words" if language == "en" else "characters"
        metrics[f"history_error_words.{language}"] = report.percentiles(errors, unit)
        metrics[f"history_error_words.{language}.worst"] = {
            "value": max(errors), "n": len(errors), "unit": unit
        }  # fmt: skip
        metrics[f"history_error_words.{language}.within"] = {
            "value": sum(e <= allowed for e in errors) / len(errors),
            "n": len(errors),
            "unit": f"at most {allowed}",
        }
    folder = report.OUT / "history"
    folder.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(rows):
        name = folder / f"{row.language}-{i}.wav"
        name.write_bytes(wav.encode(row.samples, recording.SAMPLE_RATE))
    fields = [{k: v for k, v in vars(row).items() if k != "samples"} for row in rows]
    text = json.dumps(fields, ensure_ascii=False, indent=1)
    (folder / "rows.json").write_text(text, encoding="utf-8")
    report.write("history", metrics, profile="cpu")


if __name__ == "__main__":
    asyncio.run(main())
