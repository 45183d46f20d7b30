"""The parts of a call by voice that need no room."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.engine_settings import TTSSettings
from agent.post_call_settings import PostCallSettings
from agent.settings import Settings
from agent.telemetry.report import read
from agent.wrong import SettingsError
from evaluation import background, by_voice
from evaluation.saving import save
from evaluation.scenario import Case, Moment
from evaluation.voice_call import wrong
from harness import sounds
from harness.caller import Caption
from harness.recording import SAMPLE_RATE, Channel

from .conftest import Made

TURN = {
    "kind": "turn",
    "id": "c-1",
    "answered": True,
    "interrupted": False,
    "waited": 0.9,
    "stages": {"end_of_turn": 0.9},
    "decision": None,
    "stop": None,
}


def overlap(verdict: str, turn: bool) -> dict[str, Any]:
    return {"kind": "overlap", "verdict": verdict, "turn": turn}


@pytest.mark.parametrize(
    ("said", "overlaps", "sentence"),
    [
        ("interrupt", [overlap("words", True)], ""),
        ("interrupt", [overlap("backchannel", False)], "the agent went on: taken for backchannel"),
        ("interrupt", [], "the agent went on: taken for nothing"),
        ("backchannel", [overlap("backchannel", False)], ""),
        ("backchannel", [], ""),
        ("backchannel", [overlap("words", True)], "the agent stopped: taken for words"),
    ],
)
def test_what_becomes_of_a_sound_over_the_agent(
    said: str, overlaps: list[dict[str, Any]], sentence: str
) -> None:
    assert wrong(Moment.model_validate({"reply": 1, said: "mm-hm"}), overlaps) == sentence


def test_a_call_is_saved_as_the_page_saves_one(tmp_path: Path) -> None:
    said, heard = Channel(), Channel()
    tone = (np.sin(np.arange(SAMPLE_RATE) / 10) * 9000).astype(np.int16)
    said.put(tone, 2.0)
    heard.put(tone, 5.0)
    captions = {
        "b": Caption("agent-1", "Yes?", True, 5.0, 4.0),
        "a": Caption("caller", "Hello.", True, 2.2, 2.0),
        "c": Caption("agent-1", " ", True, 6.0, 6.0),
    }
    turns = [{**TURN, "at": 5.5}, {"kind": "first_words", "id": "c", "seconds": 0.4, "at": 0.5}]
    person: Any = SimpleNamespace(
        identity="caller", said=said, heard=heard, captions=captions, turns=turns
    )
    path = tmp_path / "call.zip"
    saved = save(path, datetime.now(UTC), person, [(2.0, 4.1), (8.0, 9.0)])
    assert saved.captions == read(path).captions
    assert [(c.role, c.text, c.at) for c in saved.captions] == [
        ("user", "Hello.", 2.0),
        ("agent", "Yes?", 4.0),
    ]
    (turn,) = saved.turns
    assert turn.heard
    assert (turn.heard.voice, turn.heard.sound) == (2.0, 4.1)
    assert turn.transport == pytest.approx(1.2)
    assert saved.samples.shape == (5 * SAMPLE_RATE, 2)
    assert np.abs(saved.samples[:, 0]).max() > 8000
    assert np.abs(saved.samples[: 4 * SAMPLE_RATE - 1000, 1]).max() == 0


def with_noise(made: Made, **noise: Any) -> Case:
    return made([], [], caller={"lines": ["Hello"], "noise": noise})


@pytest.mark.parametrize("kind", background.KINDS)
def test_a_background_is_as_loud_as_it_is_told(made: Made, kind: str) -> None:
    rng = np.random.default_rng(0)
    crowd = [(rng.standard_normal(30_000) * 3000).astype(np.int16) for _ in range(6)]
    loud, soft = (
        background.background(with_noise(made, sound=kind, snr=snr), crowd) for snr in (5, 25)
    )
    assert len(loud) >= 20 * SAMPLE_RATE
    ratio = np.sqrt((loud.astype(float) ** 2).mean() / (soft.astype(float) ** 2).mean())
    assert 20 * np.log10(ratio) == pytest.approx(20, abs=1)


def test_a_background_may_be_a_file(made: Made, tmp_path: Path) -> None:
    tone = np.sin(np.arange(48_000) / 10)
    soundfile.write(tmp_path / "bar.wav", np.stack([tone, 0 * tone], 1), 48_000)
    case = with_noise(made, sound="bar.wav", snr=10)
    case = Case(case.name, tmp_path / "s.yaml", case.scenario)
    background.check(case)
    sound = background.background(case)
    assert len(sound) == SAMPLE_RATE
    level = 20 * np.log10(np.sqrt((sound.astype(float) ** 2).mean()) / 32768)
    assert level == pytest.approx(sounds.SPEECH - 10, abs=0.5)


def test_a_file_that_is_no_sound_is_told(made: Made, tmp_path: Path) -> None:
    (tmp_path / "bar.wav").write_text("nothing")
    case = with_noise(made, sound="bar.wav")
    with pytest.raises(SettingsError, match="cannot be read as sound"):
        background.background(Case("s", tmp_path / "s.yaml", case.scenario))


def test_what_cannot_be_played_by_voice_is_refused(made: Made, cpu: Settings) -> None:
    by_voice.check([made(["Hello"], [])], cpu)
    with pytest.raises(SettingsError, match=r"rain is neither one of street, .* nor a WAV"):
        by_voice.check([with_noise(made, sound="rain")], cpu)
    with pytest.raises(SettingsError, match=r"no caller's voice for de \(en, zh\)"):
        by_voice.check([made(["Hallo"], [], language="de")], cpu)
    hook = {"url": "https://a.example", "secret": f"whsec_{'A' * 44}"}
    posting = PostCallSettings.model_validate({"webhook": hook})
    with pytest.raises(SettingsError, match=r"unset post_call\.webhook and s3"):
        by_voice.check([], cpu.model_copy(update={"post_call": posting}))
    kept = cpu.tts.model_dump(exclude_unset=True)
    elsewhere = TTSSettings.model_validate({**kept, "base_url": "http://192.0.2.1:8091/v1"})
    with pytest.raises(
        SettingsError, match=r"base_url is http://192\.0\.2\.1:8091/v1: set PARLEY_P"
    ):
        by_voice.check([made(["Hello"], [])], cpu.model_copy(update={"tts": elsewhere}))
