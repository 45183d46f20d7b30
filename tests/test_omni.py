"""One model that hears and speaks: what is heard when it fails, and when."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession, APIConnectionError, APIStatusError
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from agent import settings
from agent.engine_settings import Engine
from agent.omni import OmniModel
from agent.prerecorded import Prerecorded
from agent.watchdog import OneModelWatchdog
from harness.clocked_output import ClockedOutput
from harness.scripted import Vad
from harness.virtual_time import in_virtual_time, now

Piece = str | rtc.AudioFrame
FRAME = rtc.AudioFrame(
    np.full(SAMPLE_RATE // 10, 3000, np.int16).tobytes(), SAMPLE_RATE, 1, SAMPLE_RATE // 10
)


class Output(ClockedOutput):
    """Keeps when it was given the first sound of each second."""

    def __init__(self) -> None:
        super().__init__(pause=False)
        self.begun: list[float] = []

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if not self.begun or now() - self.begun[-1] > 0.5:
            self.begun.append(now())
        await super().capture_frame(frame)

    def transcript(self, played: float) -> str:
        return ""


@dataclass
class Call:
    """A conversation with a model that does what a test says."""

    session: AgentSession[None]
    model: OmniModel
    output: Output
    asked: list[float] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    async def turn(self, seconds: float) -> float:
        """Have a turn answered; gives when it was over, once so many seconds are."""
        rt: Any = self.session.current_agent.realtime_llm_session
        rt.push_audio(rtc.AudioFrame(bytes(32_000), 16_000, 1, 16_000))
        rt.commit_audio()
        begun = now()
        self.session.generate_reply()
        await asyncio.sleep(seconds)
        return begun

    @property
    def said(self) -> list[str]:
        return [m.text_content or "" for m in self.session.history.messages()]


Answer = Callable[[int], AsyncGenerator[Piece, None]]


@contextlib.asynccontextmanager
async def talk(answer: Answer) -> AsyncIterator[Call]:
    """Begin a conversation.

    Args:
        answer: What the model does when it is asked for the nth time, from 0.
    """
    profile = settings.load("gpu")
    model = OmniModel(Engine.model_validate({"base_url": "http://127.0.0.1:9/v1"}))
    session = AgentSession[None](llm=model, vad=Vad(), turn_handling={"turn_detection": "vad"})
    output = Output()
    session.output.audio = output
    call = Call(session, model, output)

    def ask(turn: bytes, on_sent: Callable[[], None]) -> AsyncGenerator[Piece, None]:
        assert turn
        call.asked.append(now())
        on_sent()
        return answer(len(call.asked) - 1)

    server: Any = model._server
    server.ask = ask
    model.watchdog = OneModelWatchdog(
        profile.watchdog,
        session,
        model.ground,
        Prerecorded(profile.tts),
        lambda: "en",
        None,
        threshold=0.5,
        failed=lambda engine, kind: call.faults.append((engine, kind)),
    )
    try:
        await session.start(Agent(instructions=""), record=False)
        await asyncio.sleep(0.1)
        yield call
    finally:
        await session.aclose()
        await model.watchdog.aclose()
        await model.aclose()


async def well(_: int) -> AsyncGenerator[Piece, None]:
    for word in ("It ", "is ", "two."):
        yield word
        yield FRAME


async def hangs(_: int) -> AsyncGenerator[Piece, None]:
    await asyncio.Event().wait()
    yield ""


async def hangs_in_the_middle(_: int) -> AsyncGenerator[Piece, None]:
    yield "It "
    for _ in range(5):
        yield FRAME
    await asyncio.Event().wait()


async def refuses(_: int) -> AsyncGenerator[Piece, None]:
    raise APIConnectionError("refused")
    yield ""


async def refuses_the_key(_: int) -> AsyncGenerator[Piece, None]:
    raise APIStatusError("401", status_code=401)
    yield ""


@in_virtual_time
async def test_nothing_is_said_while_all_is_well() -> None:
    async with talk(well) as call:
        await call.turn(20.0)
        assert len(call.output.begun) == 1
        assert len(call.asked) == 1
        assert not call.faults


@pytest.mark.parametrize("fails", [hangs, refuses], ids=["hangs", "refuses"])
def test_before_the_first_word_it_is_told_of_and_given_up(fails: Answer) -> None:
    @in_virtual_time
    async def held() -> None:
        async with talk(fails) as call:
            over = await call.turn(20.0)
            heard = [at - over for at in call.output.begun]
            assert len(heard) == 3
            assert 2.0 < heard[0] <= 3.0
            assert 7.0 < heard[1] <= 8.0
            assert 9.5 < heard[2] <= 10.6
            assert call.faults == [("llm", "late"), ("llm", "late"), ("llm", "given_up")]
            asked = len(call.asked)
            await asyncio.sleep(30.0)
            assert len(call.asked) == asked  # it is left alone

    held()


@in_virtual_time
async def test_one_that_is_back_in_time_answers_the_turn() -> None:
    def answer(number: int) -> AsyncGenerator[Piece, None]:
        return refuses(number) if now() < 5.0 else well(number)

    async with talk(answer) as call:
        await call.turn(20.0)
        assert len(call.asked) > 2
        assert ("llm", "given_up") not in call.faults


@in_virtual_time
async def test_one_that_hangs_in_the_middle_is_told_of_and_given_up() -> None:
    async with talk(hangs_in_the_middle) as call:
        over = await call.turn(25.0)
        heard = [at - over for at in call.output.begun]
        assert heard[0] < 0.5
        assert 0.5 + 2.0 < heard[1] <= 0.5 + 3.0
        assert heard[-1] <= 0.5 + 10.6
        assert call.faults[-1][1] == "given_up"
        assert len(call.asked) == 1  # no word is said twice


@in_virtual_time
async def test_a_wrong_key_is_given_up_at_once() -> None:
    async with talk(refuses_the_key) as call:
        over = await call.turn(20.0)
        heard = [at - over for at in call.output.begun]
        assert len(heard) == 1
        assert 2.0 < heard[0] <= 3.0
        assert [kind for _, kind in call.faults] == ["given_up"]


@in_virtual_time
async def test_after_a_fault_the_next_turn_is_answered() -> None:
    def answer(number: int) -> AsyncGenerator[Piece, None]:
        return well(number) if now() > 25.0 else hangs(number)

    async with talk(answer) as call:
        await call.turn(25.0)
        over = await call.turn(10.0)
        assert [at for at in call.output.begun if at >= over][0] - over < 0.5
