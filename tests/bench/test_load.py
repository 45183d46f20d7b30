"""How many rooms a core holds, and what an hour of them leaves: the parts that need no room."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from agent.stack import Server
from bench.load import caller
from bench.load.house import House
from bench.load.soak import Call, Look, summarise
from harness.recording import SAMPLE_RATE


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("parts", [caller._ASKS, caller._BARGES_IN])
def test_what_callers_say_is_there(
    parts: dict[str, tuple[Path, float, float]], language: str
) -> None:
    path, begin, end = parts[language]
    assert len(caller._part(path, begin, end)) == pytest.approx((end - begin) * SAMPLE_RATE, abs=2)


async def test_callers_who_fail_are_not_left_out() -> None:
    house = House(Server("ws://127.0.0.1:9", "key", "secret"), psutil.Process(), 0.0, ())
    with pytest.raises(RuntimeError, match=r"Callers in en, xx ended with 1\."):
        await house.call(["en", "xx"], 1.0)


NOISY = """
import asyncio, os, sys
os.write(1, b"{{\\xff no row\\n\\n")
from bench.load import caller

async def call(server, language, seconds, rng):
    print("while calling", file=sys.{stream}, flush=True)
    os.write(1, b"null")
    return caller.Measured(language, voice_to_voice=[seconds])

caller.call = call
sys.argv[1:] = sys.argv[sys.argv.index("bench.load.caller") + 1 :]
asyncio.run(caller.main())
print("bye")
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_what_a_library_prints_is_no_caller(stream: str) -> None:
    callers = (sys.executable, "-c", NOISY.format(stream=stream))
    server = Server("ws://127.0.0.1:9", "key", "secret")
    house = House(server, psutil.Process(), 0.0, (), callers)
    rows = await house.call(["en", "zh"], 3.0)
    assert [(row["language"], row["voice_to_voice"]) for row in rows] == [
        ("en", [3.0]),
        ("zh", [3.0]),
    ]


def test_the_first_quarter_of_a_soak_is_beside_the_last() -> None:
    calls = [
        Call(
            at,
            {
                "join_time": 0.5,
                "voice_to_voice": [seconds],
                "stop_latency": [],
                "unanswered": 0,
                "not_stopped": 1,
            },
        )
        for at, seconds in ((10.0, 0.3), (200.0, 9.0), (350.0, 0.4))
    ]
    calls.append(Call(360.0, None))
    looks = [
        Look(at, memory, 40, 5, processor)
        for at, memory, processor in (
            (0.0, 900.0, 0.0),
            (70.0, 500.0, 10.0),
            (100.0, 500.0, 13.0),
            (310.0, 520.0, 50.0),
            (390.0, 522.0, 58.0),
        )
    ]
    found = summarise(calls, looks, 400.0)
    assert found["voice_to_voice.first_quarter"]["p50"] == 300
    assert found["voice_to_voice.last_quarter"]["p50"] == 400
    assert found["voice_to_voice.whole"]["n"] == 3
    assert "stop_latency.whole" not in found
    assert (found["calls"]["value"], found["calls_failed"]["value"]) == (4, 1)
    assert found["not_stopped"]["value"] == 3
    assert found["memory.first_quarter"]["value"] == 500, "calls begin in the first minute"
    assert found["memory.last_quarter"]["value"] == 521
    assert found["processor.last_quarter"]["value"] == 100
