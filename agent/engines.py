"""The three engines of a profile, each through its plugin."""

from __future__ import annotations

import aiohttp
from livekit.plugins import qwen3_tts, vllm

from .settings import Language, LLMSettings, STTSettings, TTSSettings

# Seconds that the recogniser waits longer than the agent: the agent decides that a turn has ended,
# and asks for the last words then.
_MARGIN = 0.5


def stt(
    settings: STTSettings, language: Language | None = None, *, longest_pause: float = 0.0
) -> vllm.STT:
    """The speech recogniser.

    Args:
        settings: The ``stt`` section of the profile.
        language: The language to expect; detected from the sound if None.
        longest_pause: Seconds that a speaker may pause within an utterance.
    """
    return vllm.STT(
        min_silence=longest_pause + _MARGIN,
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
