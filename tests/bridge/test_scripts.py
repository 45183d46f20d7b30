"""The scripts that speak with the bridge and with its engines."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agent.stack.stack import ROOT

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


async def run(*arguments: str, folder: Path = ROOT) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_client_keeps_the_answer_and_draws_the_turn(
    urls: dict[str, str], tmp_path: Path
) -> None:
    sound, picture = tmp_path / "reply.wav", tmp_path / "turn.svg"
    status, out, err = await run(
        *(
            "scripts/bridge_client.py",
            "今天天气好吗？",
            "--language",
            "zh",
            "--url",
            urls["bridge"],
        ),
        *("--out", str(sound), "--timeline", str(picture)),
    )
    assert (status, err) == (0, "")
    assert "t_first_audio_out" in out
    with wave.open(str(sound)) as file:
        assert file.getnframes() % 720 == 0
        assert file.getnframes() > 0
    texts = [e.text for e in ElementTree.parse(picture).iter() if e.tag.endswith("}text")]
    assert {"language model", "first unit", "TTS", "audio out"} <= set(texts)

    # The answer is a recording, too: what it says is heard.
    status, out, err = await run(
        *("scripts/bridge_client.py", "--audio", str(sound), "--url", urls["bridge"]),
    )
    assert (status, err) == (0, "")
    assert "heard: " in out


async def test_without_a_bridge_the_client_says_so() -> None:
    status, _, err = await run("scripts/bridge_client.py", "Hi", "--url", "http://127.0.0.1:9")
    assert status == 1
    assert err.startswith("No answer from http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("engine", "more", "lines"),
    [
        ("llm", [], ["model", "cold", "cached", "stop"]),
        ("tts", ["--times", "2"], ["cold", "en,", "zh,", "stop"]),
    ],
)
async def test_the_smoke_tests_pass(
    urls: dict[str, str], engine: str, more: list[str], lines: list[str]
) -> None:
    status, out, err = await run(f"scripts/{engine}_smoke_test.py", urls[engine] + "/v1", *more)
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == lines


@pytest.mark.timeout(400)  # one minute on two idle cores
async def test_the_gpu_benchmark_runs_small(urls: dict[str, str], tmp_path: Path) -> None:
    where = [f"--{name}={urls[name]}" for name in ("llm", "tts", "bridge")]
    status, _, err = await run("-m", "bench.gpu", "--small", *where, folder=tmp_path)
    assert status == 0, err
    metrics = json.loads((tmp_path / "bench/out/gpu.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["tts.failed.burst.streams2"]["value"] == 0
    assert metrics["bridge.failed.in_a_row"] == {"value": 0, "n": 3, "unit": "conversations"}
    assert metrics["bridge.never_freed"]["value"] == 0
    for picture in ("gpu_turn.svg", "gpu_first_audio.svg"):
        ElementTree.parse(tmp_path / "bench/out" / picture)
