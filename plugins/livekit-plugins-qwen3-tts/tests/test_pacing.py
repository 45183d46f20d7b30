"""When units are asked for, and how far ahead of what the listener hears, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit.agents import Agent, AgentSession
from livekit.plugins.qwen3_tts import TTS
from livekit.plugins.qwen3_tts.playback import ListenerTime
from livekit.plugins.qwen3_tts.reply import Reply

from .conftest import RATE
from .test_reply import LONG, Listener, Server, hold, make

SENTENCES = "今天天气很好。我们去公园散步。"


@pytest.mark.parametrize("first", [0.02, 0.3, 2.0])
def test_a_unit_is_asked_for_once_the_one_before_it_sounds(
    in_virtual_time: Any, first: float
) -> None:
    server = Server(first=first, rtf=0.3)
    in_virtual_time(hold(server, LONG))
    starts = [at for at, _, _ in server.asked]
    assert starts[:2] == pytest.approx([0.0, first])
    assert all(b - a >= first - 1e-6 for a, b in zip(starts, starts[1:], strict=False))


def test_the_pause_between_units_does_not_run_playback_dry(in_virtual_time: Any) -> None:
    # The second unit comes 0.2 s after the first has been heard: within the pause of a full stop.
    server = Server(first=1.74, rtf=0.0)
    listener, _ = in_virtual_time(hold(server, SENTENCES))
    heard = 6 * 0.22
    assert [at for at, _, _ in server.asked] == pytest.approx([0.0, 1.74])
    assert listener.holes == pytest.approx([1.74 - heard - 0.3], abs=0.02)
    loud = np.flatnonzero(np.abs(listener.pcm.astype(int)) > 200)
    gaps = np.diff(loud)[np.diff(loud) > 0.05 * RATE] / RATE
    assert gaps == pytest.approx([0.3], abs=0.04)


def test_the_listeners_time_stands_still_in_a_pause() -> None:
    now = 0.0
    time = ListenerTime(lambda: now)
    now = 5.0
    assert time() == 0.0
    time.run(True)
    now = 7.0
    time.run(True)
    now = 8.0
    time.run(False)
    now = 20.0
    assert time() == 3.0
    time.run(True)
    now = 21.0
    assert time() == 4.0


@pytest.mark.parametrize("paused_at", [0.0, 3.0])
def test_a_reply_that_is_not_heard_stops_at_its_limit(
    in_virtual_time: Any, paused_at: float
) -> None:
    """LiveKit holds a reply whose turn is not decided, and pauses one for a noise."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server, listener = Server(first=0.02, rtf=0.05), Listener()
        _, _, pace = make(server)
        heard = ListenerTime(loop.time)
        reply = Reply(speak=server.speak, sink=listener, pace=pace, max_ahead=12.0, heard=heard)
        reply.push(LONG * 3)
        reply.end()
        running = asyncio.ensure_future(reply.run())
        heard.run(paused_at > 0)
        await asyncio.sleep(paused_at)
        heard.run(False)
        await asyncio.sleep(60)

        def made() -> float:
            return listener.pcm.size / RATE

        assert 4.0 < made() - paused_at < 13.5
        assert len(server.asked) < 10
        heard.run(True)
        resumed, before = loop.time(), made()
        await asyncio.sleep(before - paused_at - 1.0)
        # What was made lasts until more has come.
        assert made() - paused_at > loop.time() - resumed + 2.0
        await running
        assert listener.text == LONG * 3

    in_virtual_time(main())


@pytest.mark.parametrize("follows", [True, False])
def test_words_wait_while_playback_is_dry(in_virtual_time: Any, follows: bool) -> None:
    """LiveKit shows them by a clock that goes on then, and takes history from what it has shown."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server, listener = Server(first=0.5, rtf=3.0), Listener()
        _, _, pace = make(server)
        heard = ListenerTime(loop.time)
        heard.run(True)
        reply = Reply(
            speak=server.speak,
            sink=listener,
            pace=pace,
            max_ahead=12.0,
            heard=heard if follows else None,
        )
        reply.push(LONG)
        reply.end()
        await reply.run()
        assert sum(listener.holes) > 3.0
        audio = listener.pcm.size / RATE
        times = [t for word in listener.words for t in (word.start_time, word.end_time)]
        assert times == sorted(times)
        end = audio + sum(listener.holes) if follows else audio
        assert times[-1] == pytest.approx(end, abs=0.35)  # a pause is not spoken
        # Without the holes, it is where the words are in the audio.
        if follows:
            last = listener.words[-1]
            assert last.end_time - last.dry == pytest.approx(audio, abs=0.35)
        # At every moment, what was shown is within two characters of what was heard.
        if follows:
            begun, count = listener.pushes[0][0], 0
            for at, data in listener.pushes:
                loud = np.abs(np.frombuffer(data, "<i2").astype(int)) > 200
                heard_by_then = at - begun
                count += int(loud.sum())
                spoken = (count - int(loud.sum())) / RATE / server.seconds
                shown = sum(
                    character.isalnum()
                    for word in listener.words
                    if word.end_time <= heard_by_then
                    for character in word
                )
                assert shown <= spoken + 2

    in_virtual_time(main())


async def test_a_session_tells_when_it_is_heard() -> None:
    async with aiohttp.ClientSession() as http:
        tts = TTS(base_url="http://127.0.0.1:9/v1", http_session=http)
        session: AgentSession[None] = AgentSession(tts=tts)
        tts.follow(session)
        heard = tts._heard
        assert heard is not None
        await session.start(Agent(instructions=""))
        try:
            begun = heard()
            await asyncio.sleep(0.02)
            assert heard() == begun
            session._update_agent_state("speaking")
            await asyncio.sleep(0.02)
            session._update_agent_state("listening")
            paused = heard()
            assert paused > begun
            await asyncio.sleep(0.02)
            assert heard() == paused
        finally:
            await session.aclose()
            await tts.aclose()
