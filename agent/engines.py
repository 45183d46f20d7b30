"""The three engines of a profile, each through its plugin."""

from __future__ import annotations

import aiohttp
from livekit.agents import vad
from livekit.plugins import qwen3_tts, vllm

from .settings import Language, LLMSettings, STTSettings, TTSSettings


def stt(
    settings: STTSettings, language: Language | None = None, *, detector: vad.VAD | None = None
) -> vllm.STT:
    """The speech recogniser.

    Args:
        settings: The ``stt`` section of the profile.
        language: The language to expect; detected from the sound if None.
        detector: Tells where an utterance begins and ends: that of the session, so that the
            microphone is detected once. If None the recogniser runs one of its own.
    """
    return vllm.STT(
        vad=detector,
        base_url=settings.url,
        model=settings.model,
        api_key=settings.key,
        realtime=settings.realtime,
        language=language,
    )


def llm(settings: LLMSettings, *, hears: bool = False) -> vllm.LLM:
    """The language model.

    Args:
        settings: The ``llm`` section of the profile.
        hears: Whether it may be given the sound of the user's turn and what the user shows; the
            profile says which of these it is given.
    """
    return vllm.LLM(
        base_url=settings.urls,
        model=settings.model,
        api_key=settings.key,
        temperature=settings.temperature,
        max_completion_tokens=settings.max_tokens,
        audio_input=settings.audio if hears else "off",
        image_input=settings.images and hears,
        extra_body=settings.extra_body,
    )


def tts(
    settings: TTSSettings,
    language: Language | None = None,
    *,
    http_session: aiohttp.ClientSession | None = None,
) -> qwen3_tts.TTS:
    """The speech synthesiser.

    Args:
        settings: The ``tts`` section of the profile.
        language: The language to speak; detected from the text if None.
        http_session: The session to use; the LiveKit job's own if None.
    """
    return qwen3_tts.TTS(
        base_url=settings.urls,
        model=settings.model,
        api_key=settings.key,
        voice=settings.voice_of(language),
        language=language,
        instructions=settings.instructions,
        http_session=http_session,
    )
