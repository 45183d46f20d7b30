"""What the README shows is run, word by word."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities
from livekit.plugins import qwen3_tts

from .conftest import Start

README = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
VOICE, EVENTS, SEGMENTER = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)


class Loudspeaker(AudioOutput):
    """Has played everything as soon as it gets it, and knows how long that was."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=AudioOutputCapabilities(pause=False))
        self.seconds = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        self.on_playback_finished(playback_position=self.seconds, interrupted=False)

    def clear_buffer(self) -> None:
        """There is nothing left to clear."""


def run(code: str, **names: Any) -> dict[str, Any]:
    names["__name__"] = "example"
    exec(compile(code, "README.md", "exec"), names)
    return names


async def test_the_agent_of_the_first_example_speaks(
    start_server: Start, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server()
    voices: list[qwen3_tts.TTS] = []
    sessions: list[AgentSession[Any]] = []

    def voice(base_url: str, **options: Any) -> qwen3_tts.TTS:
        assert base_url == "http://localhost:8000/v1"
        voices.append(TTS(base_url=server.url, http_session=session, **options))
        return voices[-1]

    async def started(speaking: AgentSession[Any], agent: Agent, *, room: object) -> None:
        assert room is ctx.room
        sessions.append(speaking)
        speaking.output.audio = loudspeaker
        await start(speaking, agent, record=False)

    TTS, start, loudspeaker = qwen3_tts.TTS, AgentSession.start, Loudspeaker()
    monkeypatch.setattr(qwen3_tts, "TTS", voice)
    monkeypatch.setattr(AgentSession, "start", started)
    ctx = SimpleNamespace(room=rtc.Room())
    try:
        await run(VOICE)["entrypoint"](ctx)
    finally:
        for speaking in sessions:
            await speaking.aclose()
        for tts in voices:
            await tts.aclose()
    assert "".join(server.texts) == "你好，很高兴认识你。"
    assert {request.body["voice"].lower() for request in server.requests} == {"vivian"}
    assert loudspeaker.seconds > 0.5


async def test_each_unit_is_told_as_it_is_sent(
    start_server: Start, session: aiohttp.ClientSession, capsys: pytest.CaptureFixture[str]
) -> None:
    server = await start_server()
    async with qwen3_tts.TTS(base_url=server.url, http_session=session) as tts:
        run(EVENTS, tts=tts, qwen3_tts=qwen3_tts)
        async with tts.stream() as stream:
            stream.push_text("It is late.")
            stream.end_input()
            async for _ in stream:
                pass
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(server.texts) > 0
    for index, (line, text) in enumerate(zip(printed, server.texts, strict=True)):
        assert line.split(" ", 2)[:2] == [str(index), str(index == 0)]
        assert line.endswith(text)


def test_the_segmenter_prints_what_its_comments_say(capsys: pytest.CaptureFixture[str]) -> None:
    run(SEGMENTER)
    told = [
        unit for comment in re.findall(r"# (.+)", SEGMENTER) for unit in comment.split(" then ")
    ]
    assert capsys.readouterr().out.splitlines() == told
