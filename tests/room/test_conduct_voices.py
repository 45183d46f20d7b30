"""The agent's own conduct with a real recogniser and real voices; only the model is scripted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import aiohttp
import numpy as np
import pytest
from livekit.agents import function_tool, llm
from livekit.plugins.turn_taking import Endpointer, EndpointingPolicy
from livekit.plugins.turn_taking.conduct.backchannel import TRACK
from livekit.plugins.turn_taking.languages import words

from agent import engines, settings
from agent.settings import ConductSettings, Language, SilenceSettings, WatchdogSettings
from harness.caller import Caller, join
from harness.recording import SAMPLE_RATE, Samples

from .conftest import World, likeness
from .instant import Host, hosting, room_for, until_last

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

STORY = (
    "去年夏天我和我弟弟一起去北方的山里旅行，然后",
    "我们沿着河边的老路一直往前开，因为",
    "我弟弟说他想去看看那座老桥。",
)
PAUSE = 1.2
"""Between its pieces, in seconds."""

PATIENT = WatchdogSettings(say_after=20.0, repeat_after=20.0, give_up_after=60.0)
"""A turn that ends after 2 s of silence is not understood 0.5 s later on every machine."""


@contextlib.asynccontextmanager
async def talking(
    world: World,
    language: Language,
    *answers: str | llm.FunctionToolCall,
    conduct: ConductSettings | None = None,
    end_of_turn: float = 0.5,
    tools: Sequence[llm.Tool] = (),
) -> AsyncIterator[tuple[Caller, Host]]:
    """A caller and the agent, who listens."""
    profile = settings.load("cpu")
    wait = EndpointingPolicy(shortest=end_of_turn, longest=end_of_turn)
    endpointer = Endpointer.load(profile.turns.options, wait=wait)
    stt = engines.stt(
        profile.stt.model_copy(update={"base_url": world.stt_url}), language, detector=endpointer
    )
    async with stt, aiohttp.ClientSession() as http, room_for(world.server) as name:
        tts = engines.tts(
            profile.tts.model_copy(update={"base_url": world.tts_url}), language, http_session=http
        )
        async with (
            join(world.server, name, identity="anna") as anna,
            hosting(
                world.server, name, *answers,
                conduct=conduct, endpointer=endpointer, tools=tools,
                language=language, stt=stt, tts=tts, watchdog=PATIENT,
            ) as host,
        ):  # fmt: skip
            await anna.until("listening")
            yield anna, host


def sounds(samples: Samples, quiet: float = 0.25) -> list[tuple[float, float]]:
    """When each sound begins and ends, in seconds."""
    at = np.flatnonzero(np.abs(samples.astype(int)) > 104) / SAMPLE_RATE  # -50 dBFS
    if not at.size:
        return []
    gaps = np.flatnonzero(np.diff(at) > quiet)
    return list(zip(at[[0, *(gaps + 1)]], at[[*gaps, -1]], strict=True))


async def test_a_story_is_nodded_at_in_its_pauses_alone(world: World) -> None:
    conduct = ConductSettings(backchannel_after=2.0)
    async with talking(world, "zh", "真好。", conduct=conduct, end_of_turn=2.0) as (anna, host):
        pieces = [await world.speech(text, "zh") for text in STORY]
        async with asyncio.timeout(20):
            while not (
                anna.agent and TRACK in {p.name for p in anna.agent.track_publications.values()}
            ):
                await anna.tick()
        pauses: list[tuple[float, float]] = []
        for piece in pieces:
            said = await anna.say(piece)
            await asyncio.sleep(PAUSE)
            pauses.append((said, anna.now))
        await until_last(host, "真好。")
        sounded = sounds(anna.backchannels.samples())
    assert sounded
    for begin, end in sounded:
        assert any(after < begin < before for after, before in pauses)
        assert end - begin < 1.0
    # One turn for all of it, and nobody wrote of a backchannel.
    assert [word[:2] == "> " for word in host.words] == [True, False]
    assert likeness(host.words[0], "".join(STORY)) > 0.5
    captions = [c.text for c in anna.captions.values() if c.identity == "host"]
    assert captions == ["真好。"]


async def test_two_voices_are_told_apart(world: World) -> None:
    answers = ("One cup of tea.", "One glass of milk.", "You asked for tea.")
    said = (
        ("I would like a cup of tea, please.", "tea"),
        ("I would like a glass of milk, please.", "milk"),
        ("What was it that I asked for?", "ask"),
    )
    async with (
        talking(world, "en", *answers) as (anna, host),
        join(world.server, host.name, identity="ben") as ben,
    ):
        await ben.until("listening")
        await asyncio.sleep(1.0)  # everybody's tracks are still arriving
        for n, caller in enumerate((anna, ben, anna)):
            await caller.say(await world.speech(said[n][0], "en", voice=n % 2))
            await until_last(host, answers[n])
            await anna.until("listening")
            await asyncio.sleep(1.0)
    asked = [m.text_content or "" for m in host.llm.asked[-1].messages() if m.role == "user"]
    assert [heard[:9] for heard in asked] == ["[Guest 1]", "[Guest 2]", "[Guest 1]"]
    for heard, (_, key) in zip(asked, said, strict=True):
        assert key in heard.lower()


async def test_a_slow_tool_is_bridged_by_words_that_are_heard_and_not_kept(world: World) -> None:
    @function_tool
    async def find_train() -> str:
        """Find the next train."""
        await asyncio.sleep(4.0)
        return "The train leaves at noon."

    call = llm.FunctionToolCall(name="find_train", arguments="{}", call_id="1")
    async with talking(world, "en", call, tools=[find_train]) as (anna, host):
        asked = await anna.say(await world.speech("When does the next train leave?", "en"))
        await until_last(host, "The train leaves at noon.")
        await anna.until("listening")
        await asyncio.sleep(0.3)
        heard = anna.heard.between(asked, anna.now)
    assert len(host.words) == 2
    text = (await world.transcribe(heard, "en")).lower()
    filler = words("en").phrases.fillers[0].rstrip(".").lower()
    assert filler in text
    assert text.index(filler) < text.index("noon")


async def test_who_is_silent_is_asked_once_and_left_with_a_goodbye(world: World) -> None:
    conduct = ConductSettings(silence=SilenceSettings(ask_after=2.0, leave_after=2.0))
    async with talking(world, "en", conduct=conduct) as (anna, host):
        closed = asyncio.Event()
        host.session.on("close", lambda _: closed.set())
        async with asyncio.timeout(30):
            await closed.wait()
            while anna.now - sounds(anna.heard.samples())[-1][1] < 0.5:  # some is under way
                await anna.tick()
        heard = anna.heard.samples().copy()
    # With the pause between them in the sound, Whisper writes the first alone; cut where the voice
    # begins and ends, it loses words.
    question, goodbye = [
        await world.transcribe(
            heard[int((a - 0.3) * SAMPLE_RATE) : int((b + 0.3) * SAMPLE_RATE)], "en"
        )
        for a, b in sounds(heard, quiet=1.0)
    ]
    assert "there" in question.lower()
    assert "bye" in goodbye.lower()
