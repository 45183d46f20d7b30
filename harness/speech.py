"""Speech for callers, made once by the TTS and kept; and what an STT makes of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import httpx
import numpy as np
from platformdirs import user_cache_path

from .recording import Samples, trim
from .wav import encode

_LANGUAGES = {"en": "English", "zh": "Chinese"}

VOICES: dict[str, list[str]] = {
    "en": ["am_michael", "af_heart"],
    "zh": ["zm_yunjian", "zf_xiaoyi", "zm_yunyang"],
}
"""Kokoro's voices for callers, men and women in turn; the agent itself speaks with others. Of the
Chinese ones Whisper base understands these best."""


async def utterance(tts_url: str, text: str, *, language: str, voice: str) -> Samples:
    """Have a text spoken.

    Args:
        tts_url: Base URL of a TTS service, ending in ``/v1``.
        text: What to say.
        language: ``en`` or ``zh``.
        voice: One of the service's voices.

    Returns:
        Mono s16 at 24 kHz, without silence at its ends.

    Raises:
        httpx.HTTPError: The service is not there, or refuses the voice.
    """
    key = hashlib.sha256(f"{voice}|{language}|{text}".encode()).hexdigest()[:16]
    path = _cache() / f"{key}.pcm"
    if not path.exists():
        async with httpx.AsyncClient(timeout=60, headers=_key()) as client:
            response = await client.post(
                f"{tts_url}/audio/speech",
                json={
                    "input": text,
                    "voice": voice,
                    "language": _LANGUAGES[language],
                    "response_format": "pcm",
                    "stream_format": "audio",
                },
            )
        response.raise_for_status()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(response.content)
    return trim(np.frombuffer(path.read_bytes(), np.int16))


async def transcribe(stt_url: str, heard: Samples, rate: int, *, language: str) -> str:
    """Have an STT write down what was heard.

    Args:
        stt_url: Base URL of an STT service, ending in ``/v1``.
        heard: The sound: mono s16.
        rate: Its sample rate, in Hz.
        language: ``en`` or ``zh``.

    Raises:
        httpx.HTTPError: The service is not there, or refuses the sound.
    """
    async with httpx.AsyncClient(timeout=120, headers=_key()) as client:
        response = await client.post(
            f"{stt_url}/audio/transcriptions",
            files={"file": ("heard.wav", encode(heard, rate), "audio/wav")},
            data={"language": language},
        )
    response.raise_for_status()
    return str(response.json()["text"])


def _key() -> dict[str, str]:
    key = os.environ.get("VLLM_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _cache() -> Path:
    root = os.environ.get("PARLEY_CACHE")
    return (Path(root) if root else user_cache_path("parley")) / "utterances"
