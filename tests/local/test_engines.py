"""The stand-in engines behind the interfaces of the GPU services: real models, real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from livekit import rtc
from livekit.agents import stt
from livekit.plugins import vllm

from agent.models import locate
from agent.stack import ports
from harness.wav import encode

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Engines:
    """Addresses without ``/v1``, and a client."""

    llm: str
    stt: str
    tts: str
    http: httpx.AsyncClient

    async def speak(self, text: str, **fields: Any) -> bytes:
        answer = await self.http.post(f"{self.tts}/v1/audio/speech", json=speech(text, **fields))
        answer.raise_for_status()
        return answer.content

    async def transcribe(self, wav: bytes, **fields: str) -> str:
        answer = await self.http.post(
            f"{self.stt}/v1/audio/transcriptions", files={"file": ("a.wav", wav)}, data=fields
        )
        answer.raise_for_status()
        return str(answer.json()["text"])

    async def running(self, root: str, name: str) -> float:
        """What a gauge of an engine's metrics says."""
        text = (await self.http.get(f"{root}/metrics")).text
        return float(re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE)[0])

    async def idle(self, root: str, name: str) -> None:
        async with asyncio.timeout(10):
            while await self.running(root, name):
                await asyncio.sleep(0.02)


def speech(text: str, **fields: Any) -> dict[str, Any]:
    return {"input": text, "response_format": "pcm", "stream_format": "audio", **fields}


def kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        process.kill()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engines() -> AsyncIterator[Engines]:
    numbers = ports.free()
    processes = []
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        for name in ("llm", "stt", "tts"):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "agent.local", name, "--port", str(numbers[name])
            )
            processes.append(process)
            stack.callback(kill, process)
        roots = {name: f"http://127.0.0.1:{numbers[name]}" for name in ("llm", "stt", "tts")}
        async with asyncio.timeout(90):
            for root in roots.values():
                while True:
                    try:
                        if (await http.get(f"{root}/health")).status_code == 200:
                            break
                    except httpx.TransportError:
                        pass
                    await asyncio.sleep(0.1)
        yield Engines(**roots, http=http)
        for process in processes:
            process.terminate()
        async with asyncio.timeout(10):
            statuses = [await process.wait() for process in processes]
        assert all(status in (0, -15) for status in statuses)


@pytest.mark.parametrize(
    ("text", "language", "heard"),
    [
        ("The museum opens at nine in the morning.", "en", ["museum", "morning"]),
        ("水在一百摄氏度会沸腾。", "zh", ["水", "100|一百"]),
        ("请打开 Wi-Fi，手机在桌子上。", "zh", ["打开", "桌子"]),
    ],
)
async def test_what_is_spoken_is_heard(
    engines: Engines, text: str, language: str, heard: list[str]
) -> None:
    pcm = np.frombuffer(await engines.speak(text), np.int16)
    transcript = (await engines.transcribe(encode(pcm, 24_000), language=language)).lower()
    for part in heard:
        assert re.search(part, transcript), transcript


async def test_a_real_recording_is_understood(engines: Engines) -> None:
    transcript = await engines.transcribe((locate("speech") / "jfk.wav").read_bytes())
    assert "what your country can do for you" in transcript.lower()


async def test_speech_streams_before_it_is_all_made(engines: Engines) -> None:
    text = "今天天气不错。我们出去走走吧。晚上一起吃饭，好不好？"
    body = speech(text, language="Chinese")
    async with engines.http.stream("POST", f"{engines.tts}/v1/audio/speech", json=body) as answer:
        assert answer.headers["content-type"].startswith("audio/pcm")
        chunks = [chunk async for chunk in answer.aiter_raw()]
    assert len(chunks) > 1
    assert sum(map(len, chunks)) > 2 * 24_000 * 2  # more than two seconds


async def test_a_caller_who_hangs_up_frees_the_voice(engines: Engines) -> None:
    body = speech("今天天气不错。我们出去走走吧。" * 8, language="Chinese")
    async with engines.http.stream("POST", f"{engines.tts}/v1/audio/speech", json=body) as answer:
        await anext(answer.aiter_raw())
        assert await engines.running(engines.tts, "vllm_omni:num_requests_running") == 1
    await engines.idle(engines.tts, "vllm_omni:num_requests_running")


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"input": "  "}, 400, "empty"),
        ({"voice": "nobody"}, 400, "Invalid voice 'nobody'"),
        ({"language": "Klingon"}, 400, "Invalid language 'Klingon'"),
        ({"model": "other"}, 404, "other"),
    ],
)
async def test_refusals_have_vllm_omnis_shape(
    engines: Engines, fields: dict[str, str], status: int, said: str
) -> None:
    body = {**speech("Hello."), **fields}
    answer = await engines.http.post(f"{engines.tts}/v1/audio/speech", json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == status
    assert said in error["message"]


async def test_the_voice_lists_its_voices(engines: Engines) -> None:
    listed = (await engines.http.get(f"{engines.tts}/v1/audio/voices")).json()
    assert "zf_xiaoxiao" in listed["voices"]
    assert "default" in listed["voices"]
    assert listed["uploaded_voices"] == []


async def test_every_engine_names_its_model(engines: Engines) -> None:
    for root in (engines.llm, engines.stt, engines.tts):
        listed = (await engines.http.get(f"{root}/v1/models")).json()
        assert listed["data"][0]["id"]


async def test_the_model_streams_and_stops_when_nobody_listens(engines: Engines) -> None:
    body = {
        "model": (await engines.http.get(f"{engines.llm}/v1/models")).json()["data"][0]["id"],
        "messages": [{"role": "user", "content": "Count from one to one hundred."}],
        "stream": True,
        "max_tokens": 1000,
        # Fields of vLLM alone must do no harm here.
        "priority": 0,
        "cache_salt": "x",
        "chat_template_kwargs": {"enable_thinking": False},
    }
    url = f"{engines.llm}/v1/chat/completions"
    async with engines.http.stream("POST", url, json=body) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        pieces = 0
        while pieces < 3:
            pieces += '"content"' in await anext(lines)
        assert await engines.running(engines.llm, "llamacpp:requests_processing") == 1
    await engines.idle(engines.llm, "llamacpp:requests_processing")


async def test_a_busy_port_is_one_sentence(engines: Engines) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.local", "tts", "--port", engines.tts.rpartition(":")[2]),
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert re.fullmatch(
        r"Cannot listen on \S+ \(.*\): choose another with --port\.\n", stderr.decode()
    )


async def test_a_recording_is_captioned_while_it_is_spoken(engines: Engines) -> None:
    """Through the plugin, in the time that the speaker took, until the first words are there."""
    with wave.open(str(locate("speech") / "jfk.wav")) as file:
        rate = file.getframerate()
        pcm = file.readframes(file.getnframes()) + bytes(2 * rate)
    recogniser = vllm.STT(base_url=engines.stt, realtime=True, language="en")
    stream = recogniser.stream()
    captioned = asyncio.Event()
    events: list[stt.SpeechEvent] = []

    async def read() -> None:
        async for event in stream:
            events.append(event)
            if event.type is stt.SpeechEventType.INTERIM_TRANSCRIPT:
                captioned.set()

    reading = asyncio.create_task(read())
    size = rate // 50
    for start in range(0, len(pcm) // 2 - size + 1, size):
        frame = rtc.AudioFrame(pcm[2 * start : 2 * (start + size)], rate, 1, size)
        stream.push_frame(frame)
        if not captioned.is_set():
            await asyncio.sleep(frame.duration)
    stream.end_input()
    await reading
    await stream.aclose()
    await recogniser.aclose()
    assert captioned.is_set()
    finals = [
        e.alternatives[0].text for e in events if e.type is stt.SpeechEventType.FINAL_TRANSCRIPT
    ]
    said = " ".join(finals).lower()
    assert "fellow americans" in said
    assert "what you can do for your country" in said
    await engines.idle(engines.stt, "vllm:num_requests_running")
