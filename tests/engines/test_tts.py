"""The Qwen3-TTS plugin against vllm-omni's own front end, 0.30 and 0.24."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from livekit.agents import APIConnectOptions, APIError, APIStatusError
from livekit.plugins.qwen3_tts import TTS

from agent.wav import wav_header

from .servers import API_KEY, Server, until

ONCE = APIConnectOptions(max_retry=0)
FRAME = 0.08
"""Seconds of sound in a frame of the codec."""
SENTENCES = (
    "Good morning, how are you today? "
    "The train to the coast leaves in a quarter of an hour. "
    "You had better take a warm coat with you."
)


@dataclass
class Engine:
    """The engine behind the server, to be watched and disturbed."""

    server: Server
    session: aiohttp.ClientSession

    def tts(self, **options: Any) -> TTS:
        options = {"base_url": self.server.base_url, "api_key": API_KEY, **options}
        return TTS(http_session=self.session, **options)

    async def conduct(self, **fields: float) -> None:
        await self.server.post("/stub", fields)

    async def counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = json.loads(await self.server.get("/stub"))
        return counts

    async def spoken(self) -> list[str]:
        return [request["text"] for request in (await self.counts())["started"]]

    async def is_idle(self) -> bool:
        return bool((await self.counts())["running"] == 0)


@pytest_asyncio.fixture
async def engine(speech_server: Server) -> AsyncIterator[Engine]:
    async with aiohttp.ClientSession() as session:
        engine = Engine(speech_server, session)
        await engine.conduct()
        yield engine
        await until(engine.is_idle)


@dataclass
class Heard:
    seconds: float = 0.0
    text: str = ""


async def hear(stream: Any) -> Heard:
    heard = Heard()
    async with stream:
        async for event in stream:
            heard.seconds += event.frame.duration
            for word in event.frame.userdata.get("lk.timed_transcripts", []):
                heard.text += word
    return heard


async def say(tts: TTS, text: str, **options: Any) -> Heard:
    """Speak a text that comes in small pieces, as a language model's does."""
    stream = tts.stream(conn_options=ONCE, **options)
    for start in range(0, len(text), 5):
        stream.push_text(text[start : start + 5])
    stream.end_input()
    return await hear(stream)


def assert_all_of_it(heard: Heard, counts: dict[str, Any]) -> None:
    """Every frame that the engine made was heard, and between units only pauses were added."""
    made = sum(request["frames"] for request in counts["started"]) * FRAME
    units = len(counts["started"])
    # At most 25 ms are trimmed from each end, and half a second of silence follows a unit.
    assert made - 0.05 * units <= heard.seconds <= made + 0.5 * units


async def test_the_model_and_its_first_voice_are_discovered(engine: Engine) -> None:
    tts = engine.tts()
    await hear(tts.synthesize("Hello there.", conn_options=ONCE))
    assert tts.model == "tts"
    speakers = [r["speaker"].lower() for r in (await engine.counts())["started"]]
    assert speakers == ["vivian"]


async def test_a_text_known_whole(engine: Engine) -> None:
    tts = engine.tts(voice="Ryan", language="en")
    heard = await hear(tts.synthesize(SENTENCES, conn_options=ONCE))
    counts = await engine.counts()
    assert_all_of_it(heard, counts)
    assert {r["speaker"].lower() for r in counts["started"]} == {"ryan"}
    assert {r["language"] for r in counts["started"]} == {"English"}
    assert counts["finished"] == len(counts["started"])


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", SENTENCES), ("zh", "你好，我是你的语音助手。今天天气不错，我们出去走走吧！")],
)
async def test_a_text_that_comes_in_pieces(engine: Engine, language: str, text: str) -> None:
    heard = await say(engine.tts(language=language), text)
    counts = await engine.counts()
    assert_all_of_it(heard, counts)
    assert heard.text == text
    assert len(counts["started"]) > 1
    # The first two are asked for on two connections at once, and may arrive in either order.
    spoken = sorted(await engine.spoken(), key=text.index)
    assert "".join("".join(spoken).split()) == "".join(text.split())


async def test_every_unit_has_a_limit_that_the_server_accepts(engine: Engine) -> None:
    await say(engine.tts(), SENTENCES)
    for request in (await engine.counts())["started"]:
        assert request["frames"] < request["max_new_tokens"] <= 4096


async def test_two_units_are_in_flight_and_never_more(engine: Engine) -> None:
    await engine.conduct(first_audio=0.3, rtf=0.1)
    await say(engine.tts(), SENTENCES)
    counts = await engine.counts()
    assert len(counts["started"]) > 2
    assert counts["most_running"] == 2


async def test_an_interruption_ends_the_servers_work(engine: Engine) -> None:
    await engine.conduct(rtf=1.0)
    stream = engine.tts().stream(conn_options=ONCE)
    stream.push_text(SENTENCES)
    stream.end_input()
    async for _ in stream:
        break
    assert (await engine.counts())["running"] > 0
    await stream.aclose()
    await until(engine.is_idle)
    counts = await engine.counts()
    assert counts["aborted"] == len(counts["started"])


async def test_an_interruption_before_the_first_sound_does_too(engine: Engine) -> None:
    await engine.conduct(first_audio=60.0)
    stream = engine.tts().stream(conn_options=ONCE)
    stream.push_text(SENTENCES)
    stream.end_input()

    async def has_begun() -> bool:
        return not await engine.is_idle()

    await until(has_begun)
    await stream.aclose()
    await until(engine.is_idle)
    counts = await engine.counts()
    assert (counts["finished"], counts["aborted"]) == (0, len(counts["started"]))


async def test_an_engine_that_never_begins_is_given_up(engine: Engine) -> None:
    await engine.conduct(first_audio=60.0)
    tts = engine.tts(first_byte_timeout=0.5)
    with pytest.raises(APIError, match="took too long to send the first byte"):
        await say(tts, "Hello there.")
    await until(engine.is_idle)
    # Once, and once more.
    assert await engine.spoken() == ["Hello there."] * 2


async def test_an_unknown_voice_is_answered_with_those_there_are(engine: Engine) -> None:
    with pytest.raises(APIError, match="no voice 'Nobody'; it has: aiden,.*vivian") as caught:
        await say(engine.tts(voice="Nobody"), "Hello there.")
    assert not caught.value.retryable
    assert await engine.spoken() == []


async def test_a_wrong_model_is_answered_with_the_one_there_is(engine: Engine) -> None:
    with pytest.raises(APIError, match="no model 'qwen'; it has: tts"):
        await say(engine.tts(model="qwen"), "Hello there.")
    assert await engine.spoken() == []


async def test_a_wrong_key_is_named(engine: Engine) -> None:
    with pytest.raises(APIStatusError, match="401.*Unauthorized") as caught:
        await say(engine.tts(api_key="wrong"), "Hello there.")
    assert not caught.value.retryable


async def test_what_the_server_refuses_is_told_in_its_words(engine: Engine) -> None:
    with pytest.raises(APIStatusError, match="refused with 400.*speed") as caught:
        await say(engine.tts(extra_body={"speed": 1.5}), "Hello there.")
    assert not caught.value.retryable
    assert await engine.spoken() == []


@pytest.mark.parametrize("text", [" \n ", "…", "👍"])
async def test_what_has_no_sound_is_not_asked_for(engine: Engine, text: str) -> None:
    await say(engine.tts(), text)
    assert await engine.spoken() == []


@pytest.mark.parametrize(
    ("options", "layout"), [({}, True), ({"extra_body": {"non_streaming_mode": False}}, False)]
)
async def test_a_cloned_voice_is_given_its_whole_text_at_once(
    cloning_server: Server, options: dict[str, Any], layout: bool
) -> None:
    pcm = (np.sin(np.arange(48_000) / 20) * 8000).astype("<i2").tobytes()
    recording = wav_header(24_000, len(pcm)) + pcm
    async with aiohttp.ClientSession() as session:
        engine = Engine(cloning_server, session)
        await engine.conduct()
        tts = engine.tts(ref_audio=recording, ref_text="It is me.", **options)
        heard = await say(tts, SENTENCES)
        counts = await engine.counts()
        await tts.aclose()
    assert_all_of_it(heard, counts)
    told = {(r["task_type"], r["ref_text"], r["non_streaming_mode"]) for r in counts["started"]}
    assert told == {("Base", "It is me.", layout)}


async def test_options_change_from_the_next_unit_on(engine: Engine) -> None:
    tts = engine.tts(voice="Vivian", language="en", instructions="Speak calmly.")
    stream = tts.stream(conn_options=ONCE)
    stream.push_text("The first sentence is a calm one. ")

    async def has_begun() -> bool:
        return bool(await engine.spoken())

    await until(has_begun)
    tts.update_options(voice="Ryan", language="zh", instructions="Speak happily.")
    stream.push_text("今天天气很好，我们一起出去走走吧。")
    stream.end_input()
    await hear(stream)
    first, *_, last = (await engine.counts())["started"]
    assert (first["speaker"].lower(), first["language"]) == ("vivian", "English")
    assert first["instruct"] == "Speak calmly."
    assert (last["speaker"].lower(), last["language"]) == ("ryan", "Chinese")
    assert last["instruct"] == "Speak happily."


async def test_a_reply_has_a_voice_of_its_own(engine: Engine) -> None:
    tts = engine.tts(voice="Vivian")
    await say(tts, "Hello there.", voice="Aiden")
    await say(tts, "Hello there.")
    speakers = [r["speaker"].lower() for r in (await engine.counts())["started"]]
    assert speakers == ["aiden", "vivian"]


async def test_a_unit_that_breaks_before_its_sound_is_asked_for_again(engine: Engine) -> None:
    await engine.conduct(breaks=1, break_after=0)
    heard = await say(engine.tts(), "Hello there.")
    assert await engine.spoken() == ["Hello there."] * 2
    assert heard.text == "Hello there."


async def test_a_unit_that_breaks_in_the_middle_goes_on_from_its_last_word(engine: Engine) -> None:
    text = "The train to the coast leaves in a quarter of an hour from the second platform."
    await engine.conduct(breaks=1, break_after=20)
    heard = await hear(engine.tts().synthesize(text, conn_options=ONCE))
    spoken = await engine.spoken()
    # What was asked for last is the end of a unit that was asked for before.
    resumed = [a for a in spoken for b in spoken if a != b and b.endswith(a)]
    assert len(resumed) == 1, spoken
    assert heard.text == text


async def test_a_hundred_replies_leave_nothing_behind(engine: Engine) -> None:
    await engine.conduct(first_audio=0.0, rtf=0.0)
    tts = engine.tts(voice="Vivian")
    await say(tts, "One to begin with.")
    gc.collect()
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    for i in range(100):
        if i % 5 == 4:
            stream = tts.stream(conn_options=ONCE)
            stream.push_text(SENTENCES)
            async for _ in stream:
                break
            await stream.aclose()
        else:
            assert (await say(tts, "Good morning, all.")).text == "Good morning, all."
    await until(engine.is_idle)
    counts = await engine.counts()
    assert counts["finished"] + counts["aborted"] == len(counts["started"])
    assert counts["most_running"] <= 2
    await tts.aclose()
    gc.collect()
    assert len(asyncio.all_tasks()) == tasks
    # Connections that wait for the next request are kept; two units need two.
    assert len(os.listdir("/proc/self/fd")) <= files + 2
