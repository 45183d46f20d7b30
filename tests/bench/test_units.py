"""bench.units against a TTS over HTTP: what it asks, and what it makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench import units
from bench.units import Answer, Servers, Unit
from harness.gpu_memory import memory
from harness.playback import audible

pytestmark = pytest.mark.slow

SILENT = np.full(1920, 103, np.int16).tobytes()  # −50.05 dBFS, one frame of 80 ms
LOUD = np.full(1920, -104, np.int16).tobytes()  # −49.97 dBFS


@dataclass
class Tts:
    """Answers with one silent and one loud frame, the second held back until it may go."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    may_go: asyncio.Event = field(default_factory=asyncio.Event)
    nari: bool = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/audio/speech", self._speak)
        return app

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "voice"}]})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if self.nari and "stream_format" in body:
            wrong = {"type": "extra_forbidden", "loc": ["body", "stream_format"], "msg": "Extra"}
            return web.json_response({"detail": [wrong]}, status=422)
        self.bodies.append(body)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(SILENT)
        await self.may_go.wait()
        await response.write(LOUD)
        return response


@pytest.fixture
async def tts() -> AsyncIterator[tuple[Tts, Servers]]:
    made = Tts()
    async with TestServer(made.app()) as server, aiohttp.ClientSession() as session:
        servers = Servers(session, [str(server.make_url("/v1"))])
        await servers.ready()
        yield made, servers


def test_audible_is_the_arrival_of_the_first_loud_sample() -> None:
    assert audible([(0.1, SILENT), (0.2, SILENT + LOUD), (0.3, LOUD)]) == 0.2
    assert audible([(0.1, SILENT), (0.2, SILENT)]) is None
    # A sample has come when its second byte has.
    assert audible([(0.1, SILENT + LOUD[:1]), (0.2, LOUD[1:])]) == 0.2
    assert audible([(0.1, np.array([-32768], np.int16).tobytes())]) == 0.1
    assert audible([(0.1, LOUD[:1])]) is None


async def test_an_answer_has_its_first_byte_and_its_first_audible_sample(
    tts: tuple[Tts, Servers],
) -> None:
    made, servers = tts
    asking = asyncio.create_task(servers.ask(next(units.units())))
    async with asyncio.timeout(10):
        while not made.bodies:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # the time by which the second frame comes later
        made.may_go.set()
        answer = await asking
    assert answer is not None
    assert answer.audible is not None
    assert answer.audible >= answer.first + 0.05
    assert answer.audio == pytest.approx(0.16)


@pytest.mark.parametrize("nari", [False, True])
async def test_each_engine_is_asked_as_the_plugin_does(
    tts: tuple[Tts, Servers], nari: bool
) -> None:
    made, servers = tts
    made.nari = nari
    made.may_go.set()
    answers = await servers.burst(2, 4)
    assert all(answers)
    assert [body.get("stream") for body in made.bodies] == [True if nari else None] * 4


def test_memory_is_that_of_each_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert memory() == {}
    listed = "71, /usr/bin/python3.12, 6143\n72, VLLM::EngineCore, 5021\n73, other, [N/A]"
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{listed}'\n", encoding="utf-8")
    program.chmod(0o755)
    found = {key: metric["value"] for key, metric in memory().items()}
    assert found == {"memory.python3.12.71": 6143, "memory.vllm__enginecore.72": 5021}


async def test_poisson_asks_whether_or_not_it_was_answered(tts: tuple[Tts, Servers]) -> None:
    made, servers = tts
    due = list(units.arrivals(40, 0.5))
    asking = asyncio.create_task(servers.poisson(40, 0.5))
    async with asyncio.timeout(10):
        while len(made.bodies) < len(due):
            await asyncio.sleep(0.01)
        assert not asking.done()
        assert servers.peak == len(due)
        made.may_go.set()
        answers = await asking
    assert len(answers) == len(due)
    assert all(answers)


def test_poisson_times_are_the_same_again_and_have_the_rate() -> None:
    times = list(units.arrivals(8, 500))
    assert times == list(units.arrivals(8, 500))
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < 500
    assert len(times) == pytest.approx(4000, rel=0.05)
    gaps = np.diff(times)
    # An exponential's deviation is its mean; an even beat's would be 0.
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.1)


async def test_measure_has_the_keys_of_each_load(tts: tuple[Tts, Servers]) -> None:
    made, servers = tts
    made.may_go.set()
    (url,) = servers._running
    found = await units.measure([url], [1], rates=[20, 2.5], seconds=0.5, requests=4)
    for load in ("burst.streams1", "poisson.rate20"):
        for figure in ("gap_free", "first_byte", "audible", "holes", "peak", "failed"):
            assert f"{figure}.{load}" in found
    assert found["failed.poisson.rate20"]["value"] == 0
    assert found["failed.poisson.rate20"]["n"] == len(list(units.arrivals(20, 0.5)))
    assert found["peak.burst.streams1"]["value"] == 1


def test_what_is_silent_throughout_has_no_audible_figure() -> None:
    unit = next(units.units())
    found = units.summarise("x", [Answer(unit, [(0.1, 0.08)])], 1.0)
    assert "first_byte.x" in found
    assert "audible.x" not in found


def test_a_spoken_unit_ends_where_a_reader_would() -> None:
    unit = Unit("好的。博物馆早上九点开门，", "Chinese", starter=True)
    syllables = len(unit.text)
    assert unit.body("m", None)["max_new_tokens"] == -(-int((0.66 * syllables + 4) * 100) // 8)
    spoken = unit.body("m", None, spoken=True)["max_new_tokens"]
    assert 0.08 * (spoken - 1) < 0.22 * syllables + 0.2 <= 0.08 * spoken
