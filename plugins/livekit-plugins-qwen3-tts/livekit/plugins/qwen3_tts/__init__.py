"""Qwen3-TTS for LiveKit Agents, streamed by vllm-omni.

`TTS` is the plugin; `Segmenter` and `StyleParser` are its text tools, usable alone.
"""

from __future__ import annotations

from livekit.agents import Plugin

from .log import logger
from .models import TaskType, TTSLanguages, TTSModels, TTSVoices
from .segmenter import Segmenter, segment
from .served import Answered, Failed, FaultKind
from .streams import ChunkedStream, SynthesizeStream, UnitSent
from .style import MARKUP_INSTRUCTIONS, Style, StyleParser, strip_style
from .timing import SpokenWord
from .tts import TTS
from .version import __version__

__all__ = [
    "MARKUP_INSTRUCTIONS",
    "TTS",
    "Answered",
    "ChunkedStream",
    "Failed",
    "FaultKind",
    "Segmenter",
    "SpokenWord",
    "Style",
    "StyleParser",
    "SynthesizeStream",
    "TTSLanguages",
    "TTSModels",
    "TTSVoices",
    "TaskType",
    "UnitSent",
    "__version__",
    "segment",
    "strip_style",
]


class Qwen3TTSPlugin(Plugin):
    """Registers the plugin with LiveKit Agents."""

    def __init__(self) -> None:
        super().__init__(__name__, __version__, __package__ or __name__, logger)


Plugin.register_plugin(Qwen3TTSPlugin())

# pdoc shows what is exported and nothing else.
__pdoc__ = {name: False for name in dir() if name not in __all__}
