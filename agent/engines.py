"""The three engines of a profile, each through its plugin, with its second choice if it has one.

The plugins choose: LiveKit's FallbackAdapter would lose the utterance at which a recogniser failed
and the rest of a reply that broke off, and passes on neither a change of language, nor the prefix
that is sent ahead, nor the listener's time by which the voice paces itself.
"""

from __future__ import annotations

import aiohttp
from livekit.agents import vad
from livekit.plugins import qwen3_tts, vllm

from .engine_settings import (
    LLMChoice,
    LLMSettings,
    STTChoice,
    STTSettings,
    TTSChoice,
    TTSSettings,
)
from .languages import Language


def stt(
    settings: STTChoice, language: Language | None = None, *, detector: vad.VAD | None = None
) -> vllm.STT:
    """The speech recogniser.

    Args:
        settings: The ``stt`` section of the profile.
        language: The language to expect; detected from the sound if None.
        detector: Tells where an utterance begins and ends: that of the session, so that the
            microphone is detected once. If None the recogniser runs one of its own.
    """
    second = settings.fallback if isinstance(settings, STTSettings) else None
    return vllm.STT(
        vad=detector,
        base_url=settings.url,
        model=settings.model,
        api_key=settings.key,
        realtime=settings.realtime,
        language=language,
        fallback=stt(second, language, detector=detector) if second else None,
    )


def llm(settings: LLMChoice, *, hears: bool = False, takes_tools: bool = True) -> vllm.LLM:
    """The language model.

    Args:
        settings: The ``llm`` section of the profile.
        hears: Whether it may be given the sound of the user's turn and what the user shows; the
            profile says which of these it is given.
        takes_tools: Whether the tools of a conversation are offered to it.
    """
    second = settings.fallback if isinstance(settings, LLMSettings) else None
    return vllm.LLM(
        base_url=settings.urls,
        model=settings.model,
        api_key=settings.key,
        temperature=settings.temperature,
        max_completion_tokens=settings.max_tokens,
        audio_input=settings.audio if hears else "off",
        image_input=settings.images and hears,
        extra_body=settings.extra_body,
        takes_tools=takes_tools,
        fallback=llm(second, hears=hears, takes_tools=second.tools) if second else None,
    )


def tts(
    settings: TTSChoice,
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
    second = settings.fallback if isinstance(settings, TTSSettings) else None
    return qwen3_tts.TTS(
        base_url=settings.urls,
        model=settings.model,
        api_key=settings.key,
        voice=settings.voice_of(language),
        language=settings.spoken(language) if language else None,
        instructions=settings.instructions,
        http_session=http_session,
        fallback=tts(second, language, http_session=http_session) if second else None,
    )


def change_language(
    recogniser: vllm.STT, voice: qwen3_tts.TTS, settings: TTSSettings, language: Language
) -> None:
    """Have the user's language heard and spoken from now on, by the second choices too.

    Args:
        recogniser: The speech recogniser.
        voice: The speech synthesiser.
        settings: The ``tts`` section of the profile, which names the voices.
        language: The language.
    """
    recogniser.update_options(language=language)
    voice.update_options(language=settings.spoken(language), voice=settings.voice_of(language))
    if voice.fallback and settings.fallback:
        voice.fallback.update_options(voice=settings.fallback.voice_of(language))
