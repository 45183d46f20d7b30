"""Files that people write, keep or send to each other: right, or a sentence on what is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import wave
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from agent import settings
from agent.definition.loading import PACKAGED, load_agent
from agent.settings import SettingsError
from agent.telemetry.report import NotSaved, read, render
from agent.telephony import config
from agent.telephony.config import TelephonyError
from evaluation import scenario
from evaluation.from_conversation import scenario_of

from .strategies import JSON, NOT_QUITE_JSON, is_a_sentence, nearly, written

PROFILE = settings.load("cpu")
YAML_LIKE = (
    st.binary(max_size=200)
    | st.text("{}[]:-&*!|>'\"% \n\tab", max_size=60).map(str.encode)
    | st.sampled_from([b"[" * 1_000, b"{a: " * 1_000])
    | st.sampled_from([b"a: &a [*a]", b"a: " + b"9" * 5_000, b"? {a: 1}\n: 2", b"a: 2026-13-99"])
)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def yaml_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return YAML_LIKE | values.map(lambda v: yaml.safe_dump(v, allow_unicode=True).encode())


AGENT = _yaml(PACKAGED / "clinic" / "agent.yaml") | {
    "hosts": ["shop.example"],
    "variables": {"caller": "nobody"},
    "voices": ["Ryan"],
    "http_tools": {
        "find_order": {
            "description": "Look an order up.",
            "url": "https://shop.example/orders/{order}",
            "parameters": {
                "type": "object",
                "properties": {"order": {"type": "string", "pattern": "^[0-9]+$"}},
                "required": ["order"],
            },
            "confirm": {"en": "Shall I look {order} up?"},
        }
    },
    "mcp_servers": {"shop": {"command": ["true"], "allow": ["stock"]}},
}


@given(yaml_of(nearly(AGENT)))
def test_an_agent(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "shop"
    folder.mkdir(exist_ok=True)
    (folder / "agent.yaml").write_bytes(text)
    try:
        load_agent(str(folder), PROFILE)
    except SettingsError as e:
        is_a_sentence(str(e))


def test_the_agent_that_is_changed_is_right(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(yaml.safe_dump(AGENT, allow_unicode=True), "utf-8")
    load_agent(str(tmp_path), PROFILE)


SCENARIO: dict[str, Any] = {
    "about": "Somebody changes their mind.",
    "variables": {"caller": "Anna"},
    "caller": {
        "lines": ["Good day.", "At nine."],
        "facts": {"name": "Anna"},
        "noise": {"sound": "street", "snr": 10},
        "moments": [{"reply": 1, "interrupt": "No."}, {"turn": 2, "silence": 3}],
    },
    "agent": {"lines": ["Hello.", {"tool": "book", "arguments": {"time": "9"}}], "outcome": {}},
    "expect": {
        "tools": [{"name": "book", "arguments": {"time": "/9.*/"}, "result": "/done/"}],
        "never_says": ["/sorry/"],
        "turns": 4,
    },
    "judge": ["Is it polite?", "task_completion"],
}


@given(yaml_of(nearly(SCENARIO)))
@example(b'"\\n": 1')
@example(b'caller: {moments: [{"a\\rb": 1}]}')
@example(b'"\\u2028\\x00": {}')
def test_a_scenario(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "scenario.yaml"
    file.write_bytes(text)
    try:
        scenario.read(file)
    except SettingsError as e:
        is_a_sentence(str(e))


def test_the_scenario_that_is_changed_is_right(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(SCENARIO), "utf-8")
    scenario.read(tmp_path / "one.yaml")


CONFIGS = Path(settings.__file__).resolve().parents[1] / "configs"


@given(yaml_of(nearly(_yaml(CONFIGS / "phone.yaml"))))
def test_a_profile(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "profile.yaml"
    file.write_bytes(text)
    try:
        settings.load(str(file))
    except SettingsError as e:
        is_a_sentence(str(e))


@given(yaml_of(nearly(_yaml(CONFIGS / "trunks.yaml"))))
def test_trunks(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "trunks.yaml"
    file.write_bytes(text)
    with contextlib.suppress(TelephonyError):
        config.load(file)


def _turn() -> dict[str, Any]:
    return {
        "kind": "turn",
        "id": "a-1",
        "at": 4.0,
        "language": "en",
        "answered": True,
        "interrupted": False,
        "waited": 0.6,
        "stages": {"end_of_turn": 0.3, "llm": 0.1, "text": 0.05, "tts": 0.1, "playout": 0.05},
        "decision": {
            "silence": 0.3,
            "clause": "finished",
            "ending": 0.9,
            "voiced": 2.0,
            "usual": 0.8,
        },
        "stop": {"verdict": "stop word", "ducked": 0.1, "decided": 0.4},
        "tools": ["get_time"],
        "heard": {"voice": 3.0, "sound": 3.7},
    }


WORDS: dict[str, Any] = {
    "parley": 1,
    "started": "2026-11-29T13:30:00.000Z",
    "captions": [
        {"role": "user", "text": "Who?", "at": 1.2, "until": 2.9},
        {"role": "guest", "name": "Bo", "text": "Hello.", "at": 3.0, "until": 3.1},
    ],
    "records": [
        _turn(),
        {"kind": "overlap", "at": 1, "verdict": "echo", "turn": False, "ducked": 0, "decided": 1},
        {"kind": "first_words", "at": 0.9, "seconds": 0.7},
        {"kind": "fault", "at": 1.0},
    ],
}


@st.composite
def sounds(draw: st.DrawFn) -> bytes:
    """A WAV with a byte or two of its header changed, and cut off somewhere."""
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(24_000)
        w.writeframes(draw(st.binary(max_size=60)))
    data = bytearray(file.getvalue())
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, min(43, len(data) - 1)))] = draw(
            st.sampled_from([0, 1, 255]) | st.integers(0, 255)
        )
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A ZIP as the page saves it, of which anything may be wrong."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", draw(st.sampled_from([0, 8]))) as archive:
        archive.writestr(
            "conversation.json", draw(written(nearly(WORDS))).encode("utf-8", "replace")
        )
        archive.writestr("conversation.wav", draw(sounds()))
    data = bytearray(file.getvalue())
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def _saved(sound: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("conversation.json", json.dumps(WORDS))
        archive.writestr("conversation.wav", sound)
    return file.getvalue()


def _without_rate() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(24_000)
        w.writeframes(bytes(40))
    data = file.getvalue()
    return data[:24] + bytes(4) + data[28:]


@given(archives() | st.binary(max_size=300))
@example(_saved(_without_rate()))
@example(_saved(b""))
def test_a_saved_conversation(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "saved.zip"
    file.write_bytes(data)
    try:
        render(read(file)).encode()
    except NotSaved as e:
        is_a_sentence(str(e))
    with contextlib.suppress(NotSaved):
        yaml.safe_load(scenario_of(file))


RECORD: dict[str, Any] = {
    "started_at": "2026-11-29T13:30:00Z",
    "language": "en",
    "transcript": [{"who": "caller", "text": "Good day."}, {"who": "agent", "text": "Hello."}],
    "tools": [{"name": "book", "arguments": {"time": "9"}, "failed": False}],
    "outcome": {"done": "booked"},
}


@given(nearly(RECORD).map(json.dumps) | NOT_QUITE_JSON | JSON.map(json.dumps))
def test_the_record_of_a_call(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "record.json"
    file.write_bytes(text.encode("utf-8", "replace"))
    with contextlib.suppress(NotSaved):
        yaml.safe_load(scenario_of(file))
