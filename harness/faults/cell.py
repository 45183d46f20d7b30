"""One cell of the matrix: one engine that fails in one way, in the middle of a call."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, get_args

import aiohttp
import numpy as np
import soundfile
from livekit import api, rtc
from livekit.plugins.turn_taking import Endpointer, EndpointingPolicy
from pydantic import HttpUrl

from agent import engines as profile_engines
from agent import settings
from agent.assistant import Assistant
from agent.languages import words
from agent.models import locate
from agent.session import make
from agent.settings import Settings
from agent.stack import Server
from agent.stack.ports import LOOPBACK
from agent.watchdog import ATTRIBUTE_TROUBLE
from harness.agents import silent
from harness.caller import Caller, agent_token, join
from harness.recording import SAMPLE_RATE, Samples, trim
from harness.resample import resampled

from . import engines
from .proxy import Fault, FaultProxy

Engine = Literal["llm", "stt", "tts"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

_MIDDLE: dict[Engine, int] = {"llm": 1400, "stt": 150, "tts": SAMPLE_RATE * 2}
"""Bytes: half of the words, the greeting of a session, a second of sound."""
_KIND: dict[Engine, str] = {
    "llm": "text/event-stream",
    "stt": "application/json",
    "tts": "audio/pcm",
}
_WINDOW = 15.0
"""Seconds after the question for which an engine fails: it is given up after ten."""
_END_OF_TURN = 0.4
_STOPPED = 1.0
"""Seconds from the end of what was said over an answer until nothing of the answer is heard."""
_LOUD = 0.003
"""RMS of a window that is not silence, of 1."""
_NOISY = 0.5
"""Flatness of a spectrum above which a sound is noise, of 1: that of white noise is 0.9 over half
a second, that of a hissing voice 0.2."""


@dataclass
class Outcome:
    """What a caller noticed."""

    engine: Engine
    fault: Fault
    heard_after: float | None
    """Seconds from the end of the question to the first sound; None if there was none."""
    heard: list[str]
    """What the captions said after the question, in its order."""
    noise: float
    """Seconds of noise."""
    trouble: str
    """The engines that the page was told of."""
    kept: Literal["answered", "in writing", "given up", "lost"]
    """What became of the question."""
    recovered: bool
    """Whether the next question was answered, once the engine was well."""

    @property
    def name(self) -> str:
        """The cell's key."""
        return f"{self.engine}.{self.fault.name.lower()}"


def spoken() -> Samples:
    """A question, as a caller speaks it."""
    samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    begin, end = 8.1, 9.8  # "ask what you can do"
    return trim(resampled(samples[int(begin * rate) : int(end * rate)], rate, SAMPLE_RATE))


async def run(server: Server, engine: Engine, fault: Fault, *, over: bool = False) -> Outcome:
    """Ask three questions, of which the second meets the fault.

    Args:
        server: Where the call is held.
        engine: What fails.
        fault: How.
        over: Whether the second question is asked over the answer to the first, which it stops.

    Raises:
        TimeoutError: The first question, before the fault, was not answered.
    """
    async with _call(server) as (caller, steady, proxies):
        proxy = proxies[engine]
        steady.asked = 1
        if over:
            start = caller.now
            await caller.say(spoken())
            await _until_loud(caller, start)
        else:
            await _ask(caller)
        trouble: list[str] = []

        @caller.room.on("participant_attributes_changed")
        def _on_changed(changed: dict[str, str], _: object) -> None:
            if told := changed.get(ATTRIBUTE_TROUBLE):
                trouble.append(told)

        if fault is not Fault.RESTARTS:
            await proxy.fail(fault)
        begun, steady.asked = caller.now, 2
        asked = await caller.say(spoken())
        if fault is Fault.RESTARTS:
            await proxy.fail(fault)
        await _until_quiet(caller, asked + _WINDOW)
        if fault is not Fault.RESTARTS:
            await proxy.fail(None)
        await _until_quiet(caller, caller.now + 6.0)
        said = _captions(caller, begun)
        heard = caller.heard.between(asked, caller.now)
        first = caller.heard.first_sound(asked + (_STOPPED if over else 0.0))
        steady.asked = 3
        recovered = await _answered(caller, 3)
        return Outcome(
            engine=engine,
            fault=fault,
            heard_after=None if first is None else first - asked,
            heard=said,
            noise=noise(heard),
            trouble=",".join(dict.fromkeys(trouble)),
            kept=_kept(said, heard),
            recovered=recovered,
        )


@contextlib.asynccontextmanager
async def _call(
    server: Server,
) -> AsyncIterator[tuple[Caller, engines.Engines, dict[Engine, FaultProxy]]]:
    name = f"fault-{uuid.uuid4().hex[:8]}"
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            api.LiveKitAPI(server.url, server.api_key, server.api_secret)
        )
        nobody = api.RoomAgentDispatch(agent_name="nobody")
        await client.room.create_room(api.CreateRoomRequest(name=name, agents=[nobody]))
        steady = await stack.enter_async_context(engines.serve())
        proxies = {
            engine: await stack.enter_async_context(
                FaultProxy(steady.port, kind=_KIND[engine], middle=_MIDDLE[engine])
            )
            for engine in ENGINES
        }
        profile = _profile({engine: proxy.port for engine, proxy in proxies.items()})
        http = await stack.enter_async_context(aiohttp.ClientSession())
        wait = EndpointingPolicy(shortest=_END_OF_TURN, longest=_END_OF_TURN)
        endpointer = Endpointer.load(profile.turns.options, wait=wait)
        stt = profile_engines.stt(profile.stt, "en", detector=endpointer)
        stack.push_async_callback(stt.aclose)
        llm = profile_engines.llm(profile.llm)
        stack.push_async_callback(llm.aclose)
        tts = profile_engines.tts(profile.tts, "en", http_session=http)
        stack.push_async_callback(tts.aclose)
        caller = await stack.enter_async_context(join(server, name, language="en"))
        room = rtc.Room()
        await room.connect(server.url, agent_token(server, name))
        stack.push_async_callback(room.disconnect)
        parley = silent("parley")
        conversation = make(
            profile,
            parley,
            room=room,
            stt=stt,
            llm=llm,
            tts=tts,
            language="en",
            endpointer=endpointer,
        )
        stack.push_async_callback(conversation.aclose)
        await conversation.start(Assistant(parley, profile, "en", conversation.floor), room)
        await caller.until("listening")
        yield caller, steady, proxies


def _profile(ports: dict[Engine, int]) -> Settings:
    profile = settings.load("gpu")
    at = {engine: HttpUrl(f"http://{LOOPBACK}:{port}/v1") for engine, port in ports.items()}
    plain = {"model": None, "api_key": None}
    return profile.model_copy(
        update={
            "watchdog": profile.watchdog.model_copy(update={"prerecord": False}),
            "llm": profile.llm.model_copy(
                update={**plain, "base_url": at["llm"], "replicas": (), "tools": False}
            ),
            "stt": profile.stt.model_copy(
                update={**plain, "base_url": at["stt"], "realtime": True}
            ),
            "tts": profile.tts.model_copy(
                update={**plain, "base_url": at["tts"], "replicas": (), "voice": {}}
            ),
        }
    )


async def _ask(caller: Caller) -> None:
    start = caller.now
    await caller.say(spoken())
    await caller.answer(after=start, within=40)


async def _answered(caller: Caller, number: int) -> bool:
    """Whether a question is answered with its own answer."""
    begun = caller.now
    try:
        await _ask(caller)
    except TimeoutError:
        return False
    return any(engines.answer(number)[:24] in words for words in _captions(caller, begun))


async def _until_loud(caller: Caller, after: float) -> None:
    """Wait until a second of an answer has been heard."""
    async with asyncio.timeout(40):
        while (begun := caller.heard.first_sound(after)) is None or caller.now < begun + 1.0:
            await caller.tick()


async def _until_quiet(caller: Caller, until: float) -> None:
    """Wait for a moment, and then for the agent to have finished."""
    await asyncio.sleep(max(0.0, until - caller.now))
    with contextlib.suppress(TimeoutError):
        await caller.until("listening", within=20)
    await asyncio.sleep(1.0)


def _captions(caller: Caller, after: float) -> list[str]:
    mine = caller.identity
    return [c.text for c in caller.captions.values() if c.identity != mine and c.at >= after]


def _kept(said: list[str], heard: Samples) -> Literal["answered", "in writing", "given up", "lost"]:
    whole = engines.answer(2)
    if any(whole in " ".join(words.split()) for words in said):
        spoken = engines.spoken_seconds(heard) > 0.8 * engines.duration(whole)
        return "answered" if spoken else "in writing"
    prompts = words("en").prompts
    given_up = (prompts["sorry"], prompts["again"])
    return "given up" if any(text in words for words in said for text in given_up) else "lost"


def noise(samples: Samples) -> float:
    """Seconds of a recording that are noise: as loud at every pitch, for a second at least.

    A packet that is lost in a voice sounds like less than that.
    """
    window = SAMPLE_RATE // 2
    found = lasted = 0
    for start in range(0, len(samples) - window + 1, window):
        piece = samples[start : start + window].astype(float) / 32768
        frames = piece[: window // 480 * 480].reshape(-1, 480) * np.hanning(480)
        power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)[4:160]  # 200 Hz to 8 kHz
        loud = np.sqrt(np.mean(piece**2)) > _LOUD
        flat = np.exp(np.mean(np.log(power + 1e-12))) / np.mean(power + 1e-12) > _NOISY
        lasted = lasted + 1 if loud and flat else 0
        found += {0: 0, 1: 0, 2: 2}.get(lasted, 1)
    return found * window / SAMPLE_RATE
