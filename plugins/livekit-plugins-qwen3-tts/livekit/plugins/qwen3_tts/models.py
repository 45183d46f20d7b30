"""Names that Qwen3-TTS knows, as literals for editors and type checkers."""

from __future__ import annotations

from typing import Literal

TTSModels = Literal[
    "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
    "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
    "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
    "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
    "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
]

# The speakers of the CustomVoice checkpoints; a server may add its own.
TTSVoices = Literal[
    "Vivian",
    "Serena",
    "Uncle_Fu",
    "Dylan",
    "Eric",
    "Ryan",
    "Aiden",
    "Ono_Anna",
    "Sohee",
]

TTSLanguages = Literal[
    "Auto",
    "Chinese",
    "English",
    "Japanese",
    "Korean",
    "German",
    "French",
    "Russian",
    "Portuguese",
    "Spanish",
    "Italian",
]

TaskType = Literal["CustomVoice", "VoiceDesign", "Base"]

# BCP-47 primary tag -> the name that Qwen3-TTS expects in its `language` field.
LANGUAGE_NAMES: dict[str, TTSLanguages] = {
    "zh": "Chinese",
    "en": "English",
    "ja": "Japanese",
    "ko": "Korean",
    "de": "German",
    "fr": "French",
    "ru": "Russian",
    "pt": "Portuguese",
    "es": "Spanish",
    "it": "Italian",
}


def language_name(language: str) -> str:
    """Return the name that Qwen3-TTS uses for a language.

    Args:
        language: A BCP-47 tag ("zh", "en-US") or a Qwen3-TTS name ("Chinese", "auto").

    Returns:
        The Qwen3-TTS name, such as "Chinese".

    Raises:
        ValueError: Qwen3-TTS does not speak the language; the message lists those it does.
    """
    primary = language.strip().replace("_", "-").split("-")[0].lower()
    if primary in LANGUAGE_NAMES:
        return LANGUAGE_NAMES[primary]
    name = language.strip().title()
    if name == "Auto" or name in LANGUAGE_NAMES.values():
        return name
    known = ", ".join(f"{tag} ({name})" for tag, name in LANGUAGE_NAMES.items())
    raise ValueError(f"language {language!r} is not one of Qwen3-TTS's: {known}, or Auto")


def language_tag(name: str | None) -> str | None:
    """Return the BCP-47 primary tag of a Qwen3-TTS language name; None for "Auto" or None."""
    return next((tag for tag, known in LANGUAGE_NAMES.items() if known == name), None)
