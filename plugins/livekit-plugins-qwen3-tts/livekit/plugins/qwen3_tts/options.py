"""The options of a request for speech: everything but the text."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from livekit.agents import NotGivenOr
from livekit.agents.utils import is_given

from .discovery import ServerInfo
from .models import language_name
from .style import Style

# vllm-omni's own limit.
MAX_INSTRUCTIONS = 500


@dataclass(frozen=True)
class TTSOptions:
    """The fields of a request that are set by name; what is None is left to the server."""

    model: str | None
    voice: str | None
    language: str | None
    instructions: str | None
    task_type: str | None
    ref_audio: str | None
    ref_text: str | None
    x_vector_only_mode: bool | None
    speaker_embedding: tuple[float, ...] | None
    normalize: bool
    extra_body: tuple[tuple[str, Any], ...]

    def fields(self, info: ServerInfo, style: Style) -> tuple[tuple[str, Any], ...]:
        """Return the request's fields, without its text."""
        named = {
            "model": self.model or next(iter(info.models), None),
            "voice": style.voice or self.voice,
            "language": self.language,
            "instructions": style.instructions or self.instructions,
            "task_type": self.task_type,
            "ref_audio": self.ref_audio,
            "ref_text": self.ref_text,
            "x_vector_only_mode": self.x_vector_only_mode,
            "speaker_embedding": self.speaker_embedding,
            # The whole text before the first frame, vllm-omni's default for all but Base, where
            # text and sound in turn is reported to speed up by 17 % within a reply
            # (QwenLM/Qwen3-TTS#239). Whether an uploaded voice is cloned only the server knows.
            "non_streaming_mode": True,
        }
        given = {name: value for name, value in named.items() if value is not None}
        return tuple({**given, **dict(self.extra_body)}.items())

    def updated(self, **changes: NotGivenOr[Any]) -> TTSOptions:
        """Return these options with the given ones changed.

        Raises:
            ValueError: Qwen3-TTS does not speak the language, or the instructions are too long.
        """
        given = {name: value for name, value in changes.items() if is_given(value)}
        return replace(self, **given) if given else self

    def __post_init__(self) -> None:
        if self.language:
            object.__setattr__(self, "language", language_name(self.language))
        if self.instructions and len(self.instructions) > MAX_INSTRUCTIONS:
            raise ValueError(
                f"instructions have {len(self.instructions)} characters: the server takes "
                f"{MAX_INSTRUCTIONS} at most"
            )
        if self.ref_audio is not None and self.speaker_embedding is not None:
            raise ValueError("give ref_audio or speaker_embedding, not both")


def reference(audio: str | Path | bytes | None) -> str | None:
    """Return a reference recording as the URL that the server wants.

    Raises:
        ValueError: There is no such file.
    """
    if audio is None or (isinstance(audio, str) and audio.startswith(("http", "data:"))):
        return audio
    if not isinstance(audio, bytes):
        path = Path(audio)
        if not path.is_file():
            raise ValueError(f"ref_audio {str(audio)!r} is not a file: give a file, bytes or a URL")
        audio = path.read_bytes()
    return "data:audio/wav;base64," + base64.b64encode(audio).decode()
