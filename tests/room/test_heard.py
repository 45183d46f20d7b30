"""What a caller has heard, and what the plugin says of it, with a TTS whose syllables are known.

Each character is a fifth of a second of a hum. The room, the voice activity, the plugin and
LiveKit's history are real.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.agents import AgentFalseInterruptionEvent

from agent.stack import Server
from bench.history import barge_in, units
from harness.recording import SAMPLE_RATE, Samples
from harness.scripted import Stt
from harness.speaker import Conversation, converse

from .conftest import recorded

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

SYLLABLE = 0.2
TEXT = (
    "好的。河边的那家老博物馆早上开门很早，晚上才关门。如果你中午之前来，排队的人比较少，"
    "门票也会便宜一些。你可以把外套放在门口，房子后面还有一个安静的小花园，适合坐下来休息。"
)


@contextlib.asynccontextmanager
async def voice(rtf: float) -> AsyncIterator[str]:
    """A speech service, `rtf` seconds for each second of speech; yields its address."""
    # A pitch and its overtones: noise would be refused as none of a voice's.
    at = np.arange(round(SYLLABLE * SAMPLE_RATE)) / SAMPLE_RATE
    overtones = np.arange(1, 8)[:, np.newaxis]
    hum = (np.sin(2 * np.pi * 140 * overtones * at) / overtones).sum(axis=0)
    syllable = (6000 * hum).astype("<i2").tobytes()

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "hum"}]})

    async def voices(_: web.Request) -> web.Response:
        return web.json_response({"voices": ["hum"]})

    async def speech(request: web.Request) -> web.StreamResponse:
        text = (await request.json())["input"]
        response = web.StreamResponse(headers={"content-type": "audio/pcm"})
        await response.prepare(request)
        for _ in range(units(text)):
            await asyncio.sleep(rtf * SYLLABLE)
            await response.write(syllable)
        return response

    app = web.Application()
    app.add_routes(
        [
            web.get("/v1/models", models),
            web.get("/v1/audio/voices", voices),
            web.post("/v1/audio/speech", speech),
        ]
    )
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


@contextlib.asynccontextmanager
async def speaking(
    server: Server, stt: Stt, *, rtf: float, stock: bool, max_ahead: float = 12.0
) -> AsyncIterator[Conversation]:
    async with (
        voice(rtf) as url,
        converse(
            server,
            tts_url=url,
            stt_url="",
            language="zh",
            stt=stt,
            stock=stock,
            max_ahead=max_ahead,
        ) as conversation,
    ):
        yield conversation


def longest_silence(samples: Samples) -> tuple[int, int]:
    """Its first sample, and the first after it."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 500)
    longest = int(np.argmax(np.diff(loud)))
    return int(loud[longest]) + 1, int(loud[longest + 1])


def jfk(begin: float, end: float) -> Samples:
    """Part of a recorded speech, in seconds."""
    return recorded("jfk.wav")[int(begin * SAMPLE_RATE) : int(end * SAMPLE_RATE)]


@pytest.mark.parametrize("stock", [True, False])
@pytest.mark.parametrize("rtf", [0.05, 1.5])
async def test_history_ends_where_the_caller_interrupted(
    livekit: Server,
    rtf: float,
    stock: bool,
) -> None:
    """Also with a TTS slower than speech, which is heard with holes.

    How far it is from what was heard is for `make bench-history` on a machine at rest: on one
    with other work a room loses sound.
    """
    async with speaking(
        livekit, Stt("Stop.", streaming=False), rtf=rtf, stock=stock
    ) as conversation:
        # LiveKit itself lets nobody interrupt before 3 s.
        found = await barge_in(conversation, "zh", jfk(0.25, 2.1), 3.5, text=TEXT)
    assert TEXT.startswith(found.history)
    assert 0 < len(found.history) < len(TEXT)
    if not stock:
        # Pauses between sentences are played, too: two characters at most. A second of holes that
        # was not counted as heard kept another four from the history.
        assert units(found.history) >= found.played / SYLLABLE - 4


async def test_a_noise_only_pauses_a_reply(livekit: Server) -> None:
    """LiveKit's own pause and resume, in a session that has nothing of Parley but the plugins."""
    max_ahead = 5.0
    deaf = Stt(streaming=False)
    async with speaking(livekit, deaf, rtf=0.05, stock=True, max_ahead=max_ahead) as conversation:
        session, caller = conversation.session, conversation.caller
        made: list[float] = []  # seconds, when the reply goes on

        def on_false_interruption(event: AgentFalseInterruptionEvent) -> None:
            assert event.resumed
            made.append(conversation.speaker.replies[0].samples.size / SAMPLE_RATE)

        session.on("agent_false_interruption", on_false_interruption)
        begun = session.say(TEXT + TEXT)
        while (first := caller.heard.first_sound(0.0)) is None:
            await caller.tick()
        while caller.now < first + 4.0:
            await caller.tick()
        await caller.say(jfk(3.2, 7.55))
        await begun
        await asyncio.sleep(0.5)  # what is still on its way to the caller
        heard = caller.heard.between(first, caller.heard.duration)
        (message,) = session.history.messages()
    assert len(made) == 1
    assert not begun.interrupted
    assert message.text_content == TEXT + TEXT
    # Silent for as long as the noise lasted.
    pause, resumed = longest_silence(heard)
    assert (resumed - pause) / SAMPLE_RATE > 2.0
    # Time stood still for the TTS, too: it had not made all of the reply when it went on.
    assert made[0] < conversation.speaker.replies[0].samples.size / SAMPLE_RATE
