"""Which models answer: asked of their servers, remembered for a while, told without folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from agent import settings
from agent.engine_settings import Engine
from agent.stand_ins import EngineName
from agent.web import create_app
from agent.web.answering import KEPT, KEPT_UNKNOWN, Answering, sections
from agent.web.livekit_url import LiveKit
from tests.setup.files import FileServer, serve

HALF_A_BILLION = 494_032_768


@pytest.fixture
def engine() -> Iterator[FileServer]:
    with serve() as server:
        has(server, {"id": "/models/Qwen3-8B"})
        yield server


def has(server: FileServer, *models: dict[str, Any]) -> None:
    server.files["/v1/models"] = json.dumps({"data": models}).encode()


def sections_at(server: FileServer, model: str | None = None) -> dict[EngineName, Engine]:
    return {"llm": Engine.model_validate({"base_url": f"{server.url}/v1", "model": model})}


def port_of(server: FileServer) -> int:
    return urlsplit(server.url).port or 0


async def test_a_name_is_told_without_the_folder_that_it_is_in(engine: FileServer) -> None:
    assert (await Answering({"parley": sections_at(engine)}).of()).shown() == {
        "llm": "Qwen3-8B",
        "stt": None,
        "tts": None,
        "stand_in": False,
    }


async def test_the_model_that_the_profile_names_is_the_one(engine: FileServer) -> None:
    has(engine, {"id": "a/first"}, {"id": "b/second"})
    found = await Answering({"parley": sections_at(engine, "b/second")}).of()
    assert found.names == {"llm": "second"}


@pytest.mark.parametrize(
    ("parameters", "ours", "stand_in"),
    [
        (HALF_A_BILLION, True, True),
        (HALF_A_BILLION, False, False),  # a small one that the user has chosen
        (8_000_000_000, True, False),  # a larger one in place of ours
        (None, True, False),
    ],
)
async def test_a_small_one_of_this_machine_is_called_a_stand_in(
    engine: FileServer, parameters: int | None, ours: bool, stand_in: bool
) -> None:
    has(engine, {"id": "small", "meta": {"n_params": parameters}})
    ports: dict[EngineName, int] = {"llm": port_of(engine) if ours else 1, "stt": 2, "tts": 3}
    assert (await Answering({"parley": sections_at(engine)}, ports).of()).stand_in is stand_in


async def test_what_is_known_is_not_asked_again_for_a_while(engine: FileServer) -> None:
    now = 0.0
    answering = Answering({"parley": sections_at(engine)}, clock=lambda: now)
    await answering.of()
    has(engine, {"id": "another"})
    now = KEPT - 1
    assert (await answering.of()).names == {"llm": "Qwen3-8B"}
    assert len(engine.asked) == 1
    now = KEPT
    assert (await answering.of()).names == {"llm": "another"}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": ["x"]}', b'{"data": [{"name": "x"}]}'])
async def test_an_engine_that_does_not_say_it_is_asked_again_soon(
    engine: FileServer, body: bytes
) -> None:
    now = 0.0
    answering = Answering({"parley": sections_at(engine)}, clock=lambda: now)
    engine.files["/v1/models"] = body
    assert (await answering.of()).names == {}
    has(engine, {"id": "there"})
    assert (await answering.of()).names == {}
    now = KEPT_UNKNOWN
    assert (await answering.of()).names == {"llm": "there"}


async def test_each_agent_has_its_own_models(
    engine: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", f"{engine.url}/v1")
    for engine_of_none in ("STT", "TTS"):
        monkeypatch.setenv(f"PARLEY_{engine_of_none}__BASE_URL", "http://127.0.0.1:9/v1")
    clinic = tmp_path / "clinic"
    clinic.mkdir()
    with serve() as other:
        has(other, {"id": "clinic-model"})
        (clinic / "agent.yaml").write_text(
            "name: Clinic\ninstructions: You are a clinic.\n"
            f"engines: {{llm: {{base_url: {other.url}/v1}}}}\n"
        )
        monkeypatch.setenv("PARLEY_AGENTS", json.dumps({"clinic": str(clinic)}))
        answering = Answering(sections(settings.load("cpu")))
        assert (await answering.of()).names == {"llm": "Qwen3-8B"}
        assert (await answering.of("clinic")).names == {"llm": "clinic-model"}
        assert (await answering.of("nobody")).names == {"llm": "Qwen3-8B"}


async def test_the_page_can_ask(engine: FileServer, tmp_path: Path) -> None:
    app = create_app(
        LiveKit("ws://livekit.test:7880", "key", "secret"),
        client_library=tmp_path,
        max_rooms=1,
        rooms_per_address=1,
        answering=Answering({"parley": sections_at(engine)}),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.test") as client:
        answer = await client.get("/api/models", params={"agent": "parley"})
    assert answer.json()["llm"] == "Qwen3-8B"
