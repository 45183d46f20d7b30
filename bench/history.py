"""History: after an interruption, how far the chat history is from what the caller heard.

Run with ``make bench-history``. A known text is spoken in a real room, and a caller speaks into it
at a random moment. The end of what the caller heard is found, to the sample, in what the TTS had
made of the text; aligning the text with that sound tells which words lie before it. The error is
how many words (in Chinese, characters) the history has too many (positive) or too few. What was
heard is written beside the result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
from livekit.agents import ConversationItemAddedEvent
from livekit.agents.llm import ChatMessage
from livekit.agents.voice.io import PlaybackFinishedEvent
from numpy.typing import NDArray

from agent.stack import Stack
from harness import report, speech, wav
from harness.alignment import Aligner
from harness.recording import SAMPLE_RATE, Samples
from harness.speaker import Conversation, Reply, converse

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
"""Seconds of the reply before the caller begins; it lasts eleven or more."""
_SETTLED = 2.5
"""Seconds after which a turn is decided: a profile's longest delay, 1.5, and Whisper's time."""


_WINDOW = SAMPLE_RATE * 3 // 10
"""Samples by which one sound is told from every other: more than a syllable."""
_STEP = SAMPLE_RATE // 50
_GRACE = 0.03
"""Seconds of a word's end that may be missing: codecs smear more."""


@dataclass
class BargeIn:
    """One interruption."""

    language: str
    at: float
    """Seconds from the reply's first sound to the first of the interruption."""
    reply: Reply
    heard: Samples
    """From the first sound of the reply to the last."""
    played: float
    """Seconds of the reply that the agent played, by its own account."""
    history: str


@dataclass
class Verdict:
    """What an interruption did to the history."""

    language: str
    at: float
    cut: float
    """Seconds of what the TTS had made that were heard."""
    heard: str
    """The words that were heard to their end."""
    history: str
    error: int
    """Words (in Chinese, characters) that the history has too many; negative if too few."""
    timing: list[float]
    """For each word made, the plugin's time of its end minus the aligned one, in seconds."""


async def barge_in(
    conversation: Conversation,
    language: str,
    interruption: Samples,
    at: float,
    *,
    text: str | None = None,
) -> BargeIn:
    """Have the text spoken and speak into it.

    Args:
        conversation: The conversation in which it happens.
        language: The language of the text.
        interruption: What the caller says.
        at: When the caller speaks, in seconds after the first sound.
        text: What is spoken instead of the language's own text.

    Raises:
        TimeoutError: The reply was not stopped.
    """
    caller, session = conversation.caller, conversation.session
    added: asyncio.Queue[ChatMessage] = asyncio.Queue()

    def on_item(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage) and event.item.role == "assistant":
            added.put_nowait(event.item)

    played = 0.0

    def on_finished(event: PlaybackFinishedEvent) -> None:
        nonlocal played
        played = event.playback_position

    output = session.output.audio
    assert output
    output.on("playback_finished", on_finished)
    session.on("conversation_item_added", on_item)
    try:
        # The turn of an earlier interruption would end this reply before its first sound.
        await asyncio.sleep(_SETTLED)
        start = caller.now
        session.say(text or TEXTS[language])
        async with asyncio.timeout(60):
            while (first := caller.heard.first_sound(start)) is None:
                await caller.tick()
            while caller.now < first + at:
                await caller.tick()
            await caller.say(interruption)
            message = await added.get()
            await asyncio.sleep(0.5)  # what is still on its way to the caller
    finally:
        session.off("conversation_item_added", on_item)
        output.off("playback_finished", on_finished)
    last = caller.heard.last_sound(caller.heard.duration)
    assert last is not None
    heard = caller.heard.between(first, last)
    reply = conversation.speaker.replies[-1]
    return BargeIn(language, at, reply, heard, played, message.text_content or "")


def by_ear(found: BargeIn) -> float:
    """Seconds of a reply that the caller heard."""
    return cut(found.reply.samples, found.heard)


def judge(barge_ins: list[BargeIn], end_of: Callable[[BargeIn], float] = by_ear) -> list[Verdict]:
    """Find what was heard, and how much more or less than that the history has.

    Args:
        barge_ins: The interruptions.
        end_of: Gives how many seconds of a reply were heard.
    """
    aligner = Aligner()
    verdicts: list[Verdict] = []
    for found in barge_ins:
        made = found.reply.samples
        words = [str(word) for word in found.reply.words]
        ends = aligner.ends(made, words, found.language)
        end = end_of(found)
        heard = "".join(word for word, at in zip(words, ends, strict=True) if at <= end + _GRACE)
        error = units(found.history) - units(heard)
        timing = [
            cast("float", word.end_time) - at
            for word, at in zip(found.reply.words, ends, strict=True)
        ]
        verdicts.append(Verdict(found.language, found.at, end, heard, found.history, error, timing))
    return verdicts


def units(text: str) -> int:
    """Count the words (in Chinese, the characters) of a text."""
    return len(re.findall(r"[㐀-鿿]|[^\W㐀-鿿]+(?:'[^\W㐀-鿿]+)*", text))


def cut(made: Samples, heard: Samples) -> float:
    """Find where a listener ceased to hear what was made.

    Args:
        made: The sound of a whole reply.
        heard: The sound of its beginning, after a codec and a network.

    Returns:
        How many seconds of ``made`` were heard.

    Raises:
        ValueError: What was heard is not part of it.
    """
    size = 1 << (made.size + _WINDOW).bit_length()
    spectrum = np.fft.rfft(made, size)
    power = np.concatenate(([0.0], np.cumsum(made.astype(float) ** 2)))
    # A loud place is like everything a little; with 1 a sample no silence divides by 0.
    loudness = np.sqrt(power[_WINDOW:] - power[:-_WINDOW] + _WINDOW)
    # Where packets end, a receiver goes on for some milliseconds by itself, and where they come
    # late it stretches what it has: that was never made, so it is looked for further back.
    for end in range(heard.size, _WINDOW - 1, -_STEP):
        window = heard[end - _WINDOW : end].astype(float)
        found = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, size)), size)
        begin = int(np.argmax(found[: loudness.size] / loudness))
        place = made[begin : begin + _WINDOW].astype(float)
        if _alike(window, place):
            length = _WINDOW
            while not _alike(window[length - _STEP : length], place[length - _STEP : length]):
                length -= _STEP
            return (begin + length) / SAMPLE_RATE
    raise ValueError("what was heard is not part of what was made")


def _alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two sounds are the same apart from their loudness and a codec's noise."""
    if one.size != other.size:
        return False
    return float(one @ other) > 0.7 * float(np.sqrt((one @ one) * (other @ other))) > 0.0


async def measure(stack: Stack, language: str, count: int, seed: int) -> list[BargeIn]:
    """Interrupt ``count`` times, at moments that the seed decides."""
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
    parser.add_argument("--count", type=int, default=20, help="interruptions per language (20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of their moments (1)")
    args = parser.parse_args()
    found: list[BargeIn] = []
    async with Stack() as stack:
        for language in TEXTS:
            found += await measure(stack, language, args.count, args.seed)
    verdicts = judge(found)
    metrics: dict[str, report.Metric] = {}
    for language, allowed in (("en", 1), ("zh", 2)):
        mine = [verdict for verdict in verdicts if verdict.language == language]
        errors = [abs(verdict.error) for verdict in mine]
        unit = "words" if language == "en" else "characters"
        key = f"history_error_words.{language}"
        metrics[key] = report.percentiles(errors, unit)
        metrics[f"{key}.worst"] = {"value": max(errors), "n": len(errors), "unit": unit}
        metrics[f"{key}.within"] = {
            "value": sum(error <= allowed for error in errors) / len(errors),
            "n": len(errors),
            "unit": f"at most {allowed}",
        }
        timing = [1000 * abs(error) for verdict in mine for error in verdict.timing]
        metrics[f"word_time_error.{language}"] = report.percentiles(timing, "ms")
    folder = report.OUT / "history"
    folder.mkdir(parents=True, exist_ok=True)
    for i, each in enumerate(found):
        for name, samples in (("heard", each.heard), ("made", each.reply.samples)):
            path = folder / f"{each.language}-{i}-{name}.wav"
            path.write_bytes(wav.encode(samples, SAMPLE_RATE))
    rows = json.dumps([asdict(v) for v in verdicts], ensure_ascii=False, indent=1)
    (folder / "rows.json").write_text(rows, encoding="utf-8")
    report.write("history", metrics, profile="cpu")


if __name__ == "__main__":
    asyncio.run(main())
