"""The prompts: of the package, then in the voice of the profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit.agents import APIConnectionError, tts
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from agent import settings
from agent.engine_settings import TTSSettings
from agent.languages import FOLDER, LANGUAGES, PHRASES, Language, Phrase, words
from agent.prerecorded import Prerecorded
from harness.scripted import Tts


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TTSSettings:
    monkeypatch.setenv("PARLEY_CACHE", str(tmp_path))
    return settings.load("gpu").tts


def of(frame: Any) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.frombuffer(frame.data, np.int16)


@pytest.mark.parametrize("language", settings.load("cpu").tts.languages)
@pytest.mark.parametrize("phrase", PHRASES)
async def test_the_package_has_each_in_each_language_of_the_cpu_profile(
    voice: TTSSettings, phrase: Phrase, language: Language
) -> None:
    prompts = Prerecorded(voice)
    await prompts.load()
    samples = of(prompts.sound(phrase, language))
    # As long as somebody takes to say it: 4 to 9 Chinese characters or 8 to 22 letters a second.
    text = words(language).prompts[phrase]
    slow, fast = (4, 9) if language == "zh" else (8, 22)
    assert len(text) / fast < samples.size / SAMPLE_RATE < len(text) / slow
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1000)
    assert loud[0] < 0.3 * SAMPLE_RATE
    assert (FOLDER / language / "prerecorded" / f"{phrase}.ogg").stat().st_size < 60_000


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_prompt_in_any_language_is_heard_before_the_voice_has_spoken_it(
    voice: TTSSettings, language: Language
) -> None:
    prompts, speaker = Prerecorded(voice), Tts()
    await prompts.load()
    packaged = of(prompts.sound("sorry", language))
    assert packaged.size > SAMPLE_RATE
    assert "sorry" in prompts.missing(language)
    await prompts.make(speaker, "sorry", language)
    assert speaker.said == [words(language).prompts["sorry"]]
    assert of(prompts.sound("sorry", language)).size != packaged.size


def test_no_two_prompts_say_the_same() -> None:
    for language in LANGUAGES:
        assert set(words(language).prompts) == set(PHRASES)
        assert len(set(words(language).prompts.values())) == len(PHRASES)


async def test_the_profiles_voice_speaks_them_once(voice: TTSSettings) -> None:
    prompts, speaker = Prerecorded(voice), Tts()
    await prompts.load()
    packaged = of(prompts.sound("wait", "en"))
    assert prompts.missing("en") == list(PHRASES)
    await prompts.make(speaker, "wait", "en")
    assert speaker.said == [words("en").prompts["wait"]]
    assert prompts.missing("en") == [p for p in PHRASES if p != "wait"]
    made = of(prompts.sound("wait", "en"))
    assert made.size != packaged.size
    pieces = [of(frame) async for frame in prompts.frames("wait", "en")]
    assert np.array_equal(np.concatenate(pieces), made)
    # The next conversation finds it.
    others = Prerecorded(voice)
    await others.load()
    assert np.array_equal(of(others.sound("wait", "en")), made)


async def test_another_voice_speaks_them_anew(voice: TTSSettings) -> None:
    await Prerecorded(voice).make(Tts(), "wait", "en")
    for other in (
        {"voice": {"en": "somebody else"}},
        {"model": "another"},
        {"instructions": "Sad"},
    ):
        changed = Prerecorded(voice.model_copy(update=other))
        assert "wait" in changed.missing("en")


async def test_nothing_is_kept_of_a_voice_that_fails(voice: TTSSettings) -> None:
    class Broken(Tts):
        def synthesize(self, text: str, **_: Any) -> tts.ChunkedStream:
            raise APIConnectionError("refused")

    prompts = Prerecorded(voice)
    await prompts.make(Broken(), "wait", "en")
    assert "wait" in prompts.missing("en")
