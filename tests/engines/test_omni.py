"""The speech-to-speech experiment against vllm-omni's own /v1/realtime."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from livekit import rtc
from livekit.agents import llm

from agent.engine_settings import Engine
from agent.omni import OmniModel, OmniSession

from .servers import API_KEY, Server, until


def engine(server: Server, **options: Any) -> Engine:
    return Engine.model_validate({"base_url": server.base_url, "api_key": API_KEY, **options})


@pytest_asyncio.fixture
async def model(talking_server: Server) -> AsyncIterator[OmniModel]:
    model = OmniModel(engine(talking_server))
    yield model
    await model.aclose()


@pytest_asyncio.fixture
async def session(model: OmniModel) -> AsyncIterator[OmniSession]:
    session = model.session()
    yield session
    await session.aclose()


def hear(session: OmniSession, seconds: float) -> None:
    """Half a second of sound after another, at the microphone's rate."""
    for _ in range(int(seconds / 0.02)):
        samples = (3000 * np.sin(np.arange(960) / 20)).astype(np.int16)
        session.push_audio(rtc.AudioFrame(samples.tobytes(), 48_000, 1, 960))


async def answer(session: OmniSession) -> tuple[str, float]:
    """The words, and seconds of sound."""
    created = await session.generate_reply()
    message = await anext(aiter(created.message_stream))
    assert await message.modalities == ["audio", "text"]
    sound = [frame async for frame in message.audio_stream]
    assert {frame.sample_rate for frame in sound} <= {24_000}
    return "".join([word async for word in message.text_stream]), sum(f.duration for f in sound)


async def test_a_turn_is_answered_in_words_and_sound(
    model: OmniModel, session: OmniSession
) -> None:
    hear(session, 2.0)
    session.commit_audio()
    words, seconds = await answer(session)
    assert words.startswith("one two three ")
    assert seconds == pytest.approx(0.08 * len(words.split()))
    assert model.model == "omni"

    hear(session, 1.0)
    session.commit_audio()
    assert (await answer(session))[0].startswith("one two "), "the second turn begins anew"


async def test_only_speech_can_be_answered(session: OmniSession) -> None:
    with pytest.raises(llm.RealtimeError, match="answers speech"):
        await session.generate_reply(instructions="Greet the user.")


async def test_silence_before_the_turn_is_not_sent(session: OmniSession) -> None:
    hear(session, 20.0)
    session.start_user_activity()
    hear(session, 0.5)
    session.start_user_activity()
    session.commit_audio()
    words, _ = await answer(session)
    assert len(words.split()) <= 5


async def test_an_interruption_reaches_the_server(
    talking_server: Server, session: OmniSession
) -> None:
    async def idle() -> bool:
        return bool(json.loads(await talking_server.get("/stub"))["running"] == 0)

    hear(session, 50.0)
    session.commit_audio()
    created = await session.generate_reply()
    message = await anext(aiter(created.message_stream))
    session.interrupt()
    assert len([frame async for frame in message.audio_stream]) < 100
    await until(idle)


async def test_a_wrong_key(talking_server: Server) -> None:
    model = OmniModel(engine(talking_server, api_key="wrong"))
    session = model.session()
    hear(session, 1.0)
    session.commit_audio()
    with pytest.raises(llm.RealtimeError, match="no whole answer: 401"):
        await answer(session)
    await session.aclose()
    await model.aclose()


async def test_a_wrong_model(talking_server: Server) -> None:
    model = OmniModel(engine(talking_server, model="another"))
    session = model.session()
    errors: list[llm.RealtimeModelError] = []
    session.on("error", errors.append)
    hear(session, 1.0)
    session.commit_audio()
    assert await answer(session) == ("", 0.0)
    assert "another" in str(errors[0].error)
    await session.aclose()
    await model.aclose()
