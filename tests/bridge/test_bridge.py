"""The pipeline over HTTP, against the real engines of this machine."""

from __future__ import annotations

import asyncio
import io
import json
import re
import uuid
import wave
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from .conftest import running

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]

FRAME = 24_000 * 30 // 1000 * 2
LONG = "Tell me in five long sentences how bread is made."


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(urls: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=urls["bridge"], timeout=60) as client:
        yield client


def timing(header: str) -> list[tuple[str, float]]:
    return [(name, float(at)) for name, at in re.findall(r"(\w+);dur=([\d.]+)", header)]


def events(text: str) -> list[tuple[str, dict[str, str]]]:
    parts = re.findall(r"event: (\w+)\ndata: (.*)\n\n", text)
    return [(name, json.loads(data)) for name, data in parts]


async def test_a_question_is_answered_in_whole_frames(bridge: httpx.AsyncClient) -> None:
    body = {"text": "What is rain? One sentence.", "language": "en"}
    response = await bridge.post("/bridge/chat", json=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/pcm"
    assert response.headers["x-sample-rate"] == "24000"
    assert response.headers["x-chunk-ms"] == "30"
    assert response.content
    assert len(response.content) % FRAME == 0
    names = [name for name, _ in timing(response.headers["server-timing"])]
    assert names == ["t_req_in", "t_first_text", "t_first_unit", "t_first_audio_out"]

    figures = (await bridge.get(f"/bridge/requests/{response.headers['x-request-id']}")).json()
    assert figures["outcome"] == "done"
    assert [*figures["timing_ms"]] == [*names, "t_done"]
    assert sorted(figures["timing_ms"].values()) == [*figures["timing_ms"].values()]
    counts = figures["statistics"]
    assert counts["chunks"] == len(figures["units"])
    assert counts["chunks"] == sum(counts[f"flush_{how}"] for how in ("punct", "len", "end"))
    assert counts["starter"] == len(figures["units"][0].strip())
    assert counts["frames"] * FRAME == len(response.content)

    again = await bridge.post("/v1/audio/speech", json={"input": "Hello."})
    assert again.headers["x-warm-request"] == "1"


async def test_audio_comes_while_the_model_still_writes(bridge: httpx.AsyncClient) -> None:
    body = {"text": LONG, "language": "en", "stream_format": "events"}
    names: list[str] = []
    async with bridge.stream("POST", "/bridge/chat", json=body) as response:
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
    assert names[-1] == "done"
    assert "audio" in names[: len(names) - names[::-1].index("text")]


async def test_a_stop_closes_model_and_voice_and_keeps_what_was_heard(
    bridge: httpx.AsyncClient, urls: dict[str, str]
) -> None:
    name = uuid.uuid4().hex
    body = {"text": LONG, "language": "en", "conversation": name}
    async with bridge.stream("POST", "/bridge/chat", json=body) as response:
        assert response.status_code == 200
        stopped = (await bridge.post("/bridge/stop", json={"conversation": name})).json()
        async for _ in response.aiter_raw():
            pass  # the body ends in order, it does not break off
    assert stopped["stopped"] is True
    async with asyncio.timeout(30):
        while await running(urls):
            await asyncio.sleep(0.02)
    figures = (await bridge.get(f"/bridge/requests/{response.headers['x-request-id']}")).json()
    assert figures["outcome"] == "stopped"
    assert figures["text"].startswith(stopped["heard"].strip())
    again = (await bridge.post("/bridge/stop", json={"conversation": name})).json()
    assert again["stopped"] is False


async def test_two_requests_of_one_conversation_at_once_leave_none_hanging(
    bridge: httpx.AsyncClient,
) -> None:
    async def ask(name: str) -> int:
        body = {"text": "Say hello.", "language": "en", "conversation": name}
        return (await bridge.post("/bridge/chat", json=body)).status_code

    for _ in range(3):
        name = uuid.uuid4().hex
        async with asyncio.timeout(60):
            statuses = await asyncio.gather(ask(name), ask(name))
        assert set(statuses) <= {200, 409, 503}
    async with asyncio.timeout(30):
        while (await bridge.get("/health")).json().get("in_flight"):
            await asyncio.sleep(0.05)


async def test_who_hangs_up_frees_the_engines(
    bridge: httpx.AsyncClient, urls: dict[str, str]
) -> None:
    async with bridge.stream("POST", "/bridge/chat", json={"text": LONG, "language": "en"}) as r:
        async for _ in r.aiter_raw():
            break
    async with asyncio.timeout(30):
        while await running(urls):
            await asyncio.sleep(0.02)


async def test_a_recording_is_heard_and_answered(bridge: httpx.AsyncClient) -> None:
    text = "What is the capital of France? Please say it in one short sentence."
    spoken = await bridge.post("/v1/audio/speech", json={"input": text, "language": "en"})
    assert spoken.headers["content-type"] == "audio/wav"
    assert int(spoken.headers["x-segments"]) >= 2
    response = await bridge.post(
        "/bridge/chat?stream_format=events&language=en",
        content=spoken.content,
        headers={"content-type": "audio/wav"},
    )
    found = events(response.text)
    assert found[0][0] == "heard"
    assert "capital" in found[0][1]["text"].lower()
    assert found[-1][0] == "done"
    assert any(name == "audio" for name, _ in found)


async def test_more_than_the_places_are_refused(bridge: httpx.AsyncClient) -> None:
    body = {"text": LONG, "language": "en"}
    async with (
        bridge.stream("POST", "/bridge/chat", json=body) as first,
        bridge.stream("POST", "/bridge/chat", json=body) as second,
    ):
        assert first.status_code == second.status_code == 200
        third = await bridge.post("/v1/audio/speech", json={"input": "No."})
    assert third.status_code == 503
    assert third.headers["retry-after"] == "1"
    assert "2 requests are being spoken" in third.json()["error"]["message"]


def tone(width: int) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, width, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(width * 1600))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("path", "request_", "status", "part"),
    [
        ("/bridge/chat", {"json": {}}, 400, "either text or audio"),
        ("/bridge/chat", {"json": {"text": "x" * 401}}, 413, "401 characters, and at most 400"),
        ("/bridge/chat", {"json": {"text": "hi", "langage": "en"}}, 400, "langage"),
        ("/bridge/chat", {"json": {"audio": "UklGRg=="}}, 400, "not a WAV file: it ends too soon"),
        ("/bridge/chat", {"data": {"text": "hi"}}, 415, "application/json"),
        ("/v1/audio/speech", {"json": {"input": ""}}, 400, "input"),
        ("/v1/audio/speech", {"json": {"input": "a", "response_format": "mp3"}}, 400, "'pcm'"),
        ("/bridge/stop", {"json": {"conversation": ""}}, 400, "conversation"),
    ],
)
async def test_a_wrong_request_is_one_sentence(
    bridge: httpx.AsyncClient,
    path: str,
    request_: dict[str, dict[str, str]],
    status: int,
    part: str,
) -> None:
    response = await bridge.post(path, **request_)  # type: ignore[arg-type]
    assert response.status_code == status
    message = response.json()["error"]["message"]
    assert part in message
    assert "\n" not in message


async def test_a_recording_of_other_than_16_bits_is_refused(bridge: httpx.AsyncClient) -> None:
    response = await bridge.post(
        "/bridge/chat", content=tone(1), headers={"content-type": "audio/wav"}
    )
    assert response.status_code == 400
    assert "8 bits: send 16" in response.json()["error"]["message"]


async def test_silence_is_no_question(bridge: httpx.AsyncClient) -> None:
    response = await bridge.post(
        "/bridge/chat", content=tone(2), headers={"content-type": "audio/wav"}
    )
    assert response.status_code == 422


async def test_it_describes_itself(bridge: httpx.AsyncClient) -> None:
    document = (await bridge.get("/openapi.json")).json()
    page = (await bridge.get("/")).text
    for path in ("/bridge/chat", "/bridge/stop", "/v1/audio/speech"):
        assert path in document["paths"]
        assert path in page
    fields = document["paths"]["/bridge/chat"]["post"]["requestBody"]["content"]
    assert {"text", "audio", "conversation"} <= fields["application/json"]["schema"][
        "properties"
    ].keys()
