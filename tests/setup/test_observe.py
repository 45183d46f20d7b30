"""`make observe`: where it looks, and what it says of what is missing."""

from __future__ import annotations

import asyncio
import shutil
import socket
import stat
from fnmatch import fnmatch
from pathlib import Path

import httpx
import pytest

from agent.stack import StackError, observe, ports

from .test_supervision import until


def jobs(config: dict[str, object]) -> dict[str, tuple[str, list[str]]]:
    found = config["scrape_configs"]
    assert isinstance(found, list)
    asked = [job for job in found if "static_configs" in job]
    return {j["job_name"]: (j["scheme"], j["static_configs"][0]["targets"]) for j in asked}


def test_beside_the_demo_everything_is_where_its_ports_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PORT_METRICS", "18082")
    monkeypatch.setenv("PARLEY_PORT_TTS", "18103")
    monkeypatch.setenv("PARLEY_ADDRESS", "192.0.2.7")
    assert jobs(observe.configuration(observe.targets())) == {
        "agent": ("http", ["192.0.2.7:18082"]),
        "livekit": ("http", ["127.0.0.1:6789"]),
        "llm": ("http", ["127.0.0.1:8101"]),
        "stt": ("http", ["127.0.0.1:8102"]),
        "tts": ("http", ["127.0.0.1:18103"]),
    }


def test_engines_of_a_profile_are_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PROFILE", "gpu")
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", "https://llm.example/v1")
    monkeypatch.setenv("PARLEY_TTS__REPLICAS", '["http://10.0.0.8:8091/v1"]')
    assert jobs(observe.configuration(observe.targets())) == {
        "agent": ("http", ["127.0.0.1:8082"]),
        "livekit": ("http", ["127.0.0.1:6789"]),
        "llm": ("https", ["llm.example"]),
        "stt": ("http", ["127.0.0.1:8002"]),
        "tts": ("http", ["127.0.0.1:8091", "10.0.0.8:8091"]),
    }


def test_a_second_choice_of_ours_is_watched_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "wss://livekit.example")
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", "https://llm.example/v1")
    monkeypatch.setenv("PARLEY_LLM__FALLBACK__BASE_URL", "http://127.0.0.1:8101/v1")
    found = observe.targets()
    assert "livekit" not in found
    assert found["llm"] == ["https://llm.example/v1", "http://127.0.0.1:8101"]


def test_prometheus_is_asked_for_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"^Prometheus is not installed: apt-get .*\.$"):
        observe.prometheus(9090, tmp_path)


def script(folder: Path, name: str, status: int) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_grafana_is_the_program_or_its_image_or_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}")
    assert observe.grafana(3000) is None
    script(tmp_path, "docker", 1)  # no daemon
    assert observe.grafana(3000) is None
    script(tmp_path, "docker", 0)
    image = observe.grafana(3000)
    assert image is not None
    assert image.command[0] == "docker"
    assert f"{observe.CONFIG}:{observe.CONFIG}:ro" in image.command
    script(tmp_path, "grafana", 0)
    program = observe.grafana(3000)
    assert program is not None
    assert program.command[:2] == ["grafana", "server"]


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")
async def test_prometheus_starts_and_says_what_is_not_there_yet(tmp_path: Path) -> None:
    numbers, lines = ports.free((*observe.OBSERVE_PORTS, ports.Port("agent", 0, ""))), list[str]()
    agent = f"http://127.0.0.1:{numbers['agent']}"
    running = asyncio.create_task(
        observe.run(numbers, {"agent": [agent]}, tmp_path / "observe", lines.append)
    )
    try:
        await until(lambda: running.done() or any("make demo" in line for line in lines))
        async with httpx.AsyncClient(trust_env=False) as client:
            at = f"http://127.0.0.1:{numbers['prometheus']}/api/v1"
            rules = (await client.get(f"{at}/rules")).json()["data"]["groups"]
            assert {group["name"] for group in rules} == {"parley", "parley-alerts"}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(at)


def watching(folder: Path) -> dict[str, str]:
    """What Prometheus would read, by the names of the files."""
    return {file.name: file.read_text() for file in (folder / "targets").glob("trunks*.yaml")}


def test_each_stack_has_a_file_of_its_own_and_that_of_a_killed_one_goes(tmp_path: Path) -> None:
    (pattern,) = [
        pattern
        for job in observe.configuration({}, tmp_path)["scrape_configs"]
        if job["job_name"] == "trunks"
        for each in job["file_sd_configs"]
        for pattern in each["files"]
    ]
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as b:
        first, second = (server.getsockname()[1] for server in (one, b))
        with socket.create_server(("127.0.0.1", 0)) as third:
            gone = third.getsockname()[1]
        left = tmp_path / "targets"
        left.mkdir()
        (left / f"trunks-{gone}.yaml").write_text(f'[{{"targets": ["127.0.0.1:{gone}"]}}]')
        with observe.watched("trunks", first, tmp_path):
            with observe.watched("trunks", second, tmp_path):
                both = watching(tmp_path)
                assert both.keys() == {f"trunks-{first}.yaml", f"trunks-{second}.yaml"}
                assert f"127.0.0.1:{first}" in both[f"trunks-{first}.yaml"]
                assert all(fnmatch(str(left / name), pattern) for name in both)
            assert watching(tmp_path).keys() == {f"trunks-{first}.yaml"}
        assert not any(left.iterdir())
