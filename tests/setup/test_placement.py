"""Which engines are started here is what the profile and the environment say."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from agent import settings
from agent.stack import Server, Stack, StackError, demo, gpu, ports
from agent.stack.placement import Placement, describe, place
from agent.stack.stack import ROOT

from .files import FileServer, serve


@pytest.fixture
def models() -> Iterator[FileServer]:
    with serve() as server:
        server.files["/v1/models"] = json.dumps({"data": [{"id": "Qwen/Qwen3-8B"}]}).encode()
        yield server


def placed(profile: str = "cpu") -> Placement:
    return place(settings.load(profile), ports.chosen())


def names(stack: Stack) -> list[str]:
    return [program.name for program in stack.programs]


@pytest.mark.parametrize("profile", ["cpu", "phone"])
def test_all_of_a_profile_of_this_machine_are_started_here(profile: str) -> None:
    placement = placed(profile)
    assert placement.here == ("llm", "stt", "tts")
    assert placement.elsewhere == {}
    assert placement.roles == ["llm", "stt", "kokoro"]


def test_what_a_variable_has_elsewhere_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", "http://127.0.0.1:18101/v1")
    placement = placed()
    assert placement.here == ("stt", "tts")
    assert list(placement.elsewhere) == ["llm"]
    assert not any("LLM" in name for name in placement.variables("secret"))
    started = {port.name for port in placement.ports()}
    assert "llm" not in started
    assert {"stt", "tts", "livekit", "web"} <= started


def test_what_a_profile_has_elsewhere_is_not_started(tmp_path: Path) -> None:
    text = (settings.CONFIGS / "cpu.yaml").read_text("utf-8")
    (tmp_path / "clinic.yaml").write_text(
        text.replace("http://127.0.0.1:8103/v1", "http://gpu.example:8091/v1")
    )
    placement = placed(str(tmp_path / "clinic.yaml"))
    assert placement.here == ("llm", "stt")
    assert placement.elsewhere["tts"].url == "http://gpu.example:8091/v1"


def test_none_of_the_gpu_profile_is_one_of_ours() -> None:
    assert placed("gpu").here == ()


def test_a_port_of_ours_that_is_moved_moves_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PORT_STT", "18102")
    placement = placed()
    assert placement.here == ("llm", "stt", "tts")
    assert placement.variables(None)["PARLEY_STT__BASE_URL"] == "http://127.0.0.1:18102/v1"
    assert placement.variables("secret")["PARLEY_STT__API_KEY"] == "secret"


def test_a_second_choice_of_ours_is_started_beside_a_first_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_PORT_LLM", "18101")
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", "https://llm.example/v1")
    monkeypatch.setenv("PARLEY_LLM__FALLBACK__BASE_URL", "http://localhost:8101/v1")
    placement = placed()
    assert placement.here == ("llm", "stt", "tts")
    assert placement.elsewhere["llm"].url == "https://llm.example/v1"
    variables = placement.variables("secret")
    assert variables["PARLEY_LLM__FALLBACK__BASE_URL"] == "http://127.0.0.1:18101/v1"
    assert variables["PARLEY_LLM__FALLBACK__API_KEY"] == "secret"
    assert "PARLEY_LLM__BASE_URL" not in variables


def test_the_stack_starts_what_is_here_and_tells_the_agent_nothing_of_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", "http://127.0.0.1:18101/v1")
    stack = Stack(engine_key="secret")
    # What is kept of callers is where a command in a shell looks for it, whatever the ports.
    assert "PARLEY_STATE" not in stack.variables
    assert stack.variables["PARLEY_CALLS"] == str(stack.logs)
    assert names(stack) == ["livekit", "stt", "tts", "agent", "web"]
    assert stack.llm_url == "http://127.0.0.1:18101/v1"
    assert stack.variables["PARLEY_PROFILE"] == "cpu"
    assert "PARLEY_LLM__API_KEY" not in stack.variables
    # A plugin would send the key of this variable to whatever server it speaks with.
    assert "VLLM_API_KEY" not in stack.variables
    keys = {program.name: program.environment for program in stack.programs}
    assert keys["stt"] == keys["tts"] == {"VLLM_API_KEY": "secret"}


def test_the_demo_takes_the_profile_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile = tmp_path / "clinic.yaml"
    profile.write_text((settings.CONFIGS / "gpu.yaml").read_text("utf-8") + "\nmax_rooms: 3\n")
    monkeypatch.setenv("PARLEY_PROFILE", str(profile))
    for name, number in ports.free().items():
        monkeypatch.setenv(f"PARLEY_PORT_{name.upper()}", str(number))
    stack = demo.prepare("cpu")
    assert names(stack) == ["livekit", "agent", "web", "standby"]
    assert stack.variables["PARLEY_PROFILE"] == str(profile)
    assert stack.settings.max_rooms == 3


def test_a_livekit_that_is_named_is_joined_and_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "wss://livekit.example")
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "secret")
    stack = Stack(livekit=Server.given())
    assert "livekit" not in names(stack)
    assert stack.variables["LIVEKIT_URL"] == "wss://livekit.example"
    assert stack.variables["LIVEKIT_API_SECRET"] == "secret"
    started = {port.name for port in stack.placement.ports(livekit=False)}
    assert not any(name.startswith("livekit") for name in started)


def test_a_livekit_without_its_secret_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "wss://livekit.example")
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.delenv("LIVEKIT_API_SECRET", raising=False)
    with pytest.raises(StackError, match=r"^LIVEKIT_API_SECRET must be set beside LIVEKIT_URL"):
        Server.given()
    monkeypatch.delenv("LIVEKIT_URL")
    assert Server.given() is None


ODD = "*@#: 'a\"\\{b}, %é& - ?|>!`" + "0af1" * 8
"""A secret of characters that mean something in YAML."""


def test_a_secret_of_any_characters_arrives_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LIVEKIT_URL", raising=False)
    monkeypatch.setenv("LIVEKIT_API_KEY", "or: ders")
    monkeypatch.setenv("LIVEKIT_API_SECRET", ODD)
    keys = Stack().variables["LIVEKIT_KEYS"]
    assert yaml.safe_load(keys) == {"or: ders": ODD}
    program = tmp_path / "livekit-server"
    program.write_text("#!/bin/sh\nprintenv LIVEKIT_KEYS\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    # Of two variables the script makes the same.
    for given in (keys, ""):
        monkeypatch.setenv("LIVEKIT_KEYS", given)
        done = subprocess.run(
            ["scripts/run_livekit.sh"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert yaml.safe_load(done.stdout) == {"or: ders": ODD}


@pytest.mark.parametrize("length", [31, 32])
def test_quotes_do_not_make_a_secret_longer(
    length: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "livekit-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PARLEY_ADDRESS", "192.0.2.7")
    for keys in (f"k: {'s' * length}", f'"k": "{"s" * length}"', f"'k': '{'s' * length}'"):
        monkeypatch.setenv("LIVEKIT_KEYS", keys)
        done = subprocess.run(["scripts/run_livekit.sh"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == (0 if length == 32 else 1), done.stderr
        assert ("has 31 characters" in done.stderr) == (length == 31)


def test_a_livekit_that_is_started_here_can_be_entered_by_who_gave_it_its_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert Stack().server.api_secret != Stack().server.api_secret
    monkeypatch.setenv("LIVEKIT_API_KEY", "orders")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "0af1" * 8)
    stack = Stack()
    assert stack.server.url == f"ws://127.0.0.1:{stack.ports['livekit']}"
    assert yaml.safe_load(stack.variables["LIVEKIT_KEYS"]) == {"orders": "0af1" * 8}
    assert "livekit" in names(stack)
    for key, secret in (("orders", "short"), ("orders", ""), ("", "0af1" * 8)):
        monkeypatch.setenv("LIVEKIT_API_KEY", key)
        monkeypatch.setenv("LIVEKIT_API_SECRET", secret)
        with pytest.raises(StackError, match="^LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong"):
            Stack()


async def test_an_engine_elsewhere_is_told_with_its_models(
    models: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", f"{models.url}/v1")
    said = await describe("llm", settings.load().llm)
    assert said == f"The language model is at {models.url}/v1, which has Qwen/Qwen3-8B."


async def test_a_key_that_is_missing_is_named(
    models: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.statuses = [401]
    monkeypatch.setenv("PARLEY_TTS__BASE_URL", f"{models.url}/v1")
    said = await describe("tts", settings.load().tts)
    assert said == (
        f"The voice is at {models.url}/v1, which answers 401 Unauthorized: set PARLEY_TTS__API_KEY."
    )


async def test_an_engine_that_is_not_there_does_not_keep_the_others_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody = ports.free()["stt"]
    monkeypatch.setenv("PARLEY_STT__BASE_URL", f"http://127.0.0.1:{nobody}/v1")
    lines: list[str] = []
    stack = Stack(on_line=lines.append)
    await asyncio.wait_for(stack.introduce(), 10)
    assert lines[0] == (
        "Starting LiveKit, the language model, the voice, the agent and the web page …"
    )
    where = f"The speech recogniser is at http://127.0.0.1:{nobody}/v1, which does not answer now"
    assert lines[1].startswith(where)


def test_gpu_services_are_those_that_the_profile_has_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu.services(settings.load("gpu")).here == ("llm", "stt", "tts")
    monkeypatch.setenv("PARLEY_STT__BASE_URL", "http://10.0.0.8:8002/v1")
    monkeypatch.setenv("LLM_PORT", "18000")
    placement = gpu.services(settings.load("gpu"))
    assert placement.here == ("llm", "tts")
    assert placement.urls["PARLEY_LLM__BASE_URL"] == "http://127.0.0.1:18000/v1"
