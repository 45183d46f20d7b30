"""The second choices of a profile, as the agent makes its engines."""

from __future__ import annotations

import aiohttp
import pytest

from agent import engines, settings


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch) -> settings.Settings:
    """The GPU profile with the stand-ins of this machine behind it."""
    for name, port in (("LLM", 8101), ("STT", 8102), ("TTS", 8103)):
        monkeypatch.setenv(f"PARLEY_{name}__FALLBACK__BASE_URL", f"http://127.0.0.1:{port}/v1")
    monkeypatch.setenv("PARLEY_LLM__FALLBACK__TOOLS", "false")
    monkeypatch.setenv("PARLEY_TTS__FALLBACK__VOICE", '{"zh": "zf_xiaoyi", "en": "af_heart"}')
    return settings.load("gpu")


async def test_each_engine_has_its_second_choice(profile: settings.Settings) -> None:
    async with aiohttp.ClientSession() as session:
        model = engines.llm(profile.llm)
        recogniser = engines.stt(profile.stt, "en")
        voice = engines.tts(profile.tts, "en", http_session=session)
        assert model.answered_by == "http://127.0.0.1:8000/v1"
        assert recogniser.answered_by == "http://127.0.0.1:8002/v1"
        assert voice.answered_by == "http://127.0.0.1:8091/v1"
        assert voice.fallback is not None
        assert voice.fallback.answered_by == "http://127.0.0.1:8103/v1"
        engines.change_language(recogniser, voice, profile.tts, "zh")
        for one, name in ((voice, "Vivian"), (voice.fallback, "zf_xiaoyi")):
            assert (one._opts.language, one._opts.voice) == ("Chinese", name)
        for engine in (model, recogniser, voice):
            await engine.aclose()


async def test_a_language_without_a_voice_is_heard_and_answered_in_english() -> None:
    plain = settings.load("cpu")
    async with aiohttp.ClientSession() as session:
        recogniser = engines.stt(plain.stt, "ru")
        voice = engines.tts(plain.tts, "ru", http_session=session)
        assert (recogniser._language, voice._opts.language) == ("ru", "English")
        engines.change_language(recogniser, voice, plain.tts, "zh")
        assert (recogniser._language, voice._opts.language) == ("zh", "Chinese")
        engines.change_language(recogniser, voice, plain.tts, "de")
        assert (recogniser._language, voice._opts.language) == ("de", "English")
        await recogniser.aclose()
        await voice.aclose()


async def test_an_engine_without_one_has_none() -> None:
    plain = settings.load("gpu")
    async with aiohttp.ClientSession() as session:
        voice = engines.tts(plain.tts, "en", http_session=session)
        assert voice.fallback is None
        engines.change_language(engines.stt(plain.stt), voice, plain.tts, "zh")
        await voice.aclose()
