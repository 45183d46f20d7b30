"""The scripts of the GPU services: what they refuse, in one sentence, and what they start.

nvidia-smi is a stand-in that prints one line, vllm and nari-qwen3-tts-server are ones that count
what they are asked to say.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiohttp
import pytest
import yaml

from agent.stack import ports
from agent.stack.stack import ROOT


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs: a GPU of 80 GB with 70 free, vllm and nari-qwen3-tts-server."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder / "nvidia-smi", "echo 'NVIDIA H100 80GB HBM3, 81559, 70000'")
    program(
        folder / "vllm",
        'while [[ $1 != --port ]]; do shift; done\nexec "$PYTHON" -m tests.gpu.speaker "$2"',
    )
    program(
        folder / "nari-qwen3-tts-server",
        'while [[ $1 != --port ]]; do shift; done\nexec "$PYTHON" -m tests.gpu.speaker "$2" nari',
    )
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def environment(programs: Path, **variables: str) -> dict[str, str]:
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHON": sys.executable, **variables}


def run(programs: Path, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    free = {f"{n.upper()}_PORT": str(p) for n, p in ports.free().items()}
    return subprocess.run(
        [ROOT / f"scripts/run_{name}_server.sh", "--print"],
        env=environment(programs, **{**free, **variables}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(programs: Path, name: str, **variables: str) -> str:
    result = run(programs, name, **variables)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_the_command_of_each_service(programs: Path) -> None:
    llm = run(programs, "llm", LLM_MODEL="org/model", LLM_EXTRA_ARGS="--seed 7").stdout
    assert " serve org/model --max-model-len 2048 --gpu-memory-utilization 0.6 " in llm
    for flag in ("--quantization compressed-tensors", "--kv-cache-dtype fp8", "--seed 7"):
        assert flag in llm
    assert "--quantization" not in run(programs, "llm", LLM_QUANTIZATION="").stdout
    tts = run(programs, "tts", TTS_CONFIG="concurrent").stdout
    assert tts.startswith("VLLM_OMNI_INPUT_WAIT_TIMEOUT_S=15 ")
    assert "qwen3_tts_concurrent.yaml" in tts
    assert "openai/whisper-large-v3-turbo" in run(programs, "stt").stdout


def test_the_command_of_the_other_engine_of_the_voice(programs: Path, tmp_path: Path) -> None:
    said = run(programs, "tts", TTS_ENGINE="nari", TTS_EXTRA_ARGS="--local-files-only").stdout
    assert "/nari-qwen3-tts-server --model Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice " in said
    assert " --profile ttfa --max-active-requests 32 --host 127.0.0.1 --port " in said
    assert said.endswith(" --local-files-only\n")
    said = run(programs, "tts", TTS_ENGINE="nari", TTS_CONFIG="balanced").stdout
    assert " --profile balanced --max-active-requests 64 " in said
    config = {"tts_model_type": "custom_voice", "tts_model_size": "1b7"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    said = run(programs, "tts", TTS_ENGINE="nari", TTS_MODEL=str(tmp_path)).stdout
    assert f" --model {tmp_path} " in said


@pytest.mark.parametrize(
    ("card", "variables", "part"),
    [
        (
            "H200, 143771, 140000",
            {},
            "starts on an H100 only, by the card's name, and this is",
        ),
        ("H100 80GB HBM3, 81559, 20000", {}, "The voice as ttfa takes 24,500 MiB, and 20,000 of"),
        (
            "H100 80GB HBM3, 81559, 50000",
            {"TTS_CONFIG": "balanced"},
            "The voice as balanced takes 50,700 MiB",
        ),
        ("H100, 81559, 70000", {"TTS_CONFIG": "low_latency"}, "set it to ttfa or balanced"),
        (
            "H100, 81559, 70000",
            {"TTS_MODEL": "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"},
            "nari-qwen3-tts knows no TTS_MODEL='Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice': set it to",
        ),
        ("H100, 81559, 70000", {"TTS_ENGINE": "Nari"}, "set it to vllm-omni or nari."),
    ],
)
def test_what_the_other_engine_does_not_fit(
    programs: Path, card: str, variables: dict[str, str], part: str
) -> None:
    program(programs / "nvidia-smi", f"echo 'NVIDIA {card}'")
    assert part in refused(programs, "tts", **{"TTS_ENGINE": "nari", **variables})


def test_a_model_that_the_other_engine_does_not_know(programs: Path, tmp_path: Path) -> None:
    config = {"tts_model_type": "base", "tts_model_size": "1b7"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    said = refused(programs, "tts", TTS_ENGINE="nari", TTS_MODEL=str(tmp_path))
    assert "or to a folder that has this model" in said


def test_an_engine_that_is_not_installed(programs: Path) -> None:
    (programs / "nari-qwen3-tts-server").unlink()
    said = refused(programs, "tts", TTS_ENGINE="nari")
    assert "is neither in .nari/.venv nor on PATH: run `make setup-nari`, or start its cont" in said


def test_no_gpu(programs: Path) -> None:
    program(programs / "nvidia-smi", "exit 9")
    for name in ("llm", "tts", "stt"):
        assert "shows no GPU 0: the GPU services need one" in refused(programs, name)


def test_too_little_memory(programs: Path) -> None:
    program(programs / "nvidia-smi", "echo 'NVIDIA L40S, 46068, 7000'")
    said = refused(programs, "llm")
    assert "at 0.6 takes 27,641 MiB, and 7,000 of the 46,068 MiB of the NVIDIA L40S" in said
    assert "The voice as l40s takes 7,700 MiB" in refused(programs, "tts")


@pytest.mark.parametrize("name", ["llm", "stt"])
def test_weights_that_do_not_fit_into_their_share(
    programs: Path, tmp_path: Path, name: str
) -> None:
    for number in range(2):
        with (tmp_path / f"model-{number}.safetensors").open("wb") as weights:
            weights.truncate(2**30)
    model = {f"{name.upper()}_MODEL": str(tmp_path), "LLM_QUANTIZATION": ""}
    share = f"{name.upper()}_GPU_MEMORY_UTILIZATION"
    said = refused(programs, name, **model, **{share: "0.02"})
    assert "has 2,048 MiB of weights, and 0.02 of the NVIDIA H100 80GB HBM3 are 1,631 MiB" in said
    assert f"raise {share}" in said
    assert run(programs, name, **model, **{share: "0.03"}).returncode == 0


def test_a_deploy_file_of_ones_own(programs: Path, tmp_path: Path) -> None:
    deploy = tmp_path / "mine.yaml"
    deploy.write_text("stages: [{gpu_memory_utilization: 0.8}, {gpu_memory_utilization: 0.1}]")
    said = refused(programs, "tts", TTS_CONFIG=str(deploy))
    assert f"The voice as {deploy} takes 73,403 MiB, and 70,000 of the 81,559" in said
    deploy.write_text("stages: [{gpu_memory_utilization: 0.1}, {stage_id: 1}]")
    assert str(deploy) in run(programs, "tts", TTS_CONFIG=str(deploy)).stdout
    deploy.write_text("a voice")
    assert "is not a deploy file of vllm-omni" in refused(programs, "tts", TTS_CONFIG=str(deploy))


def test_a_port_in_use(programs: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = str(held.getsockname()[1])
        said = refused(programs, "llm", LLM_PORT=port)
    assert f"Port {port} cannot be used (address already in use)" in said
    assert "set LLM_PORT to another port" in said


@pytest.mark.parametrize(
    ("name", "variables", "part"),
    [
        ("llm", {"LLM_PORT": "http"}, "LLM_PORT='http' is not a port number"),
        ("llm", {"LLM_GPU_MEMORY_UTILIZATION": "60"}, "'60' is not a share"),
        ("tts", {"TTS_CONFIG": "fast"}, "is not a deploy file: set it to 0.24, concurrent"),
    ],
)
def test_a_wrong_variable(programs: Path, name: str, variables: dict[str, str], part: str) -> None:
    assert part in refused(programs, name, **variables)


def test_a_checkpoint_of_another_quantisation(programs: Path, tmp_path: Path) -> None:
    config = {"quantization_config": {"quant_method": "awq"}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    said = refused(programs, "llm", LLM_MODEL=str(tmp_path))
    assert "is quantised with awq, not with compressed-tensors: set LLM_QUANTIZATION=awq" in said


def test_every_deploy_file_has_two_connected_stages() -> None:
    found = sorted((ROOT / "configs").glob("qwen3_tts_*.yaml"))
    assert len(found) == 4
    for path in found:
        deploy = yaml.safe_load(path.read_text(encoding="utf-8"))
        talker, decoder = deploy["stages"]
        assert set(talker["output_connectors"].values()) == set(deploy["connectors"])
        assert set(decoder["input_connectors"].values()) == set(deploy["connectors"])
        extra = next(iter(deploy["connectors"].values()))["extra"]
        # The decoder's window, and a ramp that ends in the steady size, or vllm-omni warns.
        assert extra["codec_left_context_frames"] == 72
        if ramp := extra.get("codec_chunk_ramp"):
            assert ramp[-1] == extra["codec_chunk_frames"]


@asynccontextmanager
async def voice(programs: Path, engine: str) -> AsyncIterator[tuple[asyncio.StreamReader, str]]:
    """The voice as its script starts it: what it says, and its address."""
    port = str(ports.free()["tts"])
    process = await asyncio.create_subprocess_exec(
        ROOT / "scripts/run_tts_server.sh",
        env=environment(programs, TTS_ENGINE=engine, TTS_PORT=port),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(100):
            yield process.stdout, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert await process.wait() != 1


async def line_of(output: asyncio.StreamReader, begins: str) -> str:
    async for line in output:
        if line.startswith(begins.encode()):
            return line.decode().strip()
    pytest.fail(f"it ended without {begins!r}")


@pytest.mark.parametrize("engine", ["vllm-omni", "nari"])
async def test_a_service_is_warm_when_it_says_that_it_is_ready(programs: Path, engine: str) -> None:
    async with voice(programs, engine) as (output, url), aiohttp.ClientSession() as session:
        assert await line_of(output, "the voice is ready") == f"the voice is ready at {url}"
        async with session.get(f"{url}/asked") as response:
            asked = await response.json()
    # Three lengths, each alone and eight at once; none can go on for ever.
    assert len(asked) == 27
    assert all(one["model"] == "voice" and one["max_new_tokens"] < 200 for one in asked)
    assert all(("stream" in one) == (engine == "nari") for one in asked)


@pytest.mark.slow
async def test_a_dead_engine_is_started_again(programs: Path) -> None:
    async with voice(programs, "nari") as (output, url), aiohttp.ClientSession() as session:
        found = []
        for _ in range(2):
            await line_of(output, "the voice is ready")
            async with session.post(f"{url}/die") as response:
                found.append((await response.json())["pid"])
            said = await line_of(output, "the voice is dead")
        assert said == "the voice is dead by its own word, and is started again"
        assert len(set(found)) == 2


class LiveKit(BaseHTTPRequestHandler):
    """A LiveKit server as far as it takes the key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def livekit() -> Iterator[dict[str, str]]:
    """The variables of a LiveKit server elsewhere."""
    with ThreadingHTTPServer(("127.0.0.1", 0), LiveKit) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield {
            "LIVEKIT_URL": f"ws://127.0.0.1:{server.server_port}",
            "LIVEKIT_API_KEY": "key",
            "LIVEKIT_API_SECRET": "a-secret-that-must-stay-on-the-server",
        }
        server.shutdown()
        thread.join()


def _free_ports() -> dict[str, str]:
    """The variables of a stack beside another one."""
    return {f"PARLEY_PORT_{name.upper()}": str(number) for name, number in ports.free().items()}


@pytest.mark.slow
def test_the_stack_ends_with_the_sentence_of_what_cannot_start(
    programs: Path, livekit: dict[str, str]
) -> None:
    program(programs / "nvidia-smi", "exit 9")
    result = subprocess.run(
        [sys.executable, "-m", "agent.stack.gpu"],
        cwd=ROOT,
        env=environment(programs, **livekit, **_free_ports()),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    assert "the language model keeps stopping: nvidia-smi shows no GPU 0" in result.stderr
