"""How each engine wants to be asked for speech, and how it says that it was asked in another way.

vllm-omni and nari-qwen3-tts answer at the same address. nari-qwen3-tts takes no field that it does
not know, and lists those in its refusal; vllm-omni takes them all, and streams base64 in
server-sent events for nari's `stream`. So each tells by its answer which of the two it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Protocol

# Of its key-value cache each of 32 requests, the most that scripts/run_tts_server.sh lets it have,
# may take 6 pages of 128 tokens: 768, of which this leaves 168 for the text. A cache that is full
# ends the engine, not the request. 600 frames are 48 s, three times the longest unit.
_NARI_FRAMES = 600
_CLONING = ("ref_audio", "ref_text", "x_vector_only_mode", "speaker_embedding")
# Its documented seed is 0: the same text would be answered with the same noise or silence again.
_SEEDS = 2**31


class UnsupportedError(Exception):
    """An engine cannot do what it would be asked for; the text says what, in one sentence."""


class Dialect(Protocol):
    """One engine's way of being asked."""

    def request(self, fields: Mapping[str, Any], *, aligned: bool) -> dict[str, Any]:
        """Return the JSON of a request for raw PCM.

        Args:
            fields: What is asked for, as vllm-omni names it.
            aligned: Whether the times of words are asked for, too.

        Raises:
            UnsupportedError: The engine cannot do it.
        """

    def foreign(self, status: int, content_type: str, body: Any) -> bool:
        """Return whether an answer is one of the other engine.

        Args:
            status: The HTTP status.
            content_type: The media type.
            body: The decoded JSON of a refusal, None for any other answer.
        """


class VllmOmni:
    """vllm-omni, and what is like it."""

    def request(self, fields: Mapping[str, Any], *, aligned: bool) -> dict[str, Any]:
        """Return the JSON of a request; see `Dialect.request`."""
        # `stream: true` alone would give base64 in server-sent events: vllm-omni streams raw
        # bytes for stream_format "audio". Its aligner has to see all of the audio before any is
        # sent.
        how = {"word_timestamps": True} if aligned else {"stream_format": "audio"}
        return {**fields, "response_format": "pcm", **how}

    def foreign(self, status: int, content_type: str, body: Any) -> bool:
        """Return whether fields are refused that every vllm-omni takes."""
        detail = body.get("detail") if isinstance(body, dict) else None
        return (
            status == 422
            and isinstance(detail, list)
            and any(isinstance(e, dict) and e.get("type") == "extra_forbidden" for e in detail)
        )


class Nari:
    """nari-qwen3-tts 0.1."""

    def request(self, fields: Mapping[str, Any], *, aligned: bool) -> dict[str, Any]:
        """Return the JSON of a request; see `Dialect.request`.

        The words of a unit are timed by the plugin even if their times are asked for: it has no
        aligner.
        """
        if fields.get("task_type") == "Base" or any(name in fields for name in _CLONING):
            raise UnsupportedError(
                "is nari-qwen3-tts, which clones no voice: give the URL of a vllm-omni with a Base "
                "checkpoint"
            )
        if fields.get("task_type") == "VoiceDesign":
            raise UnsupportedError(
                "is nari-qwen3-tts, which designs no voice: give the URL of a vllm-omni with a "
                "VoiceDesign checkpoint"
            )
        known = {name: value for name, value in fields.items() if name != "task_type"}
        if "max_new_tokens" in known:
            known["max_new_tokens"] = min(known["max_new_tokens"], _NARI_FRAMES)
        seeded = {"seed": secrets.randbelow(_SEEDS), **known}
        return {**seeded, "response_format": "pcm", "stream": True}

    def foreign(self, status: int, content_type: str, body: Any) -> bool:
        """Return whether the sound came as events, as vllm-omni answers to `stream`."""
        return status == 200 and content_type == "text/event-stream"


DIALECTS: tuple[Dialect, ...] = (VllmOmni(), Nari())
