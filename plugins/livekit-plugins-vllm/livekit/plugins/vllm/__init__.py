"""vLLM plugin for LiveKit Agents: a language model and speech recognition on your own servers.

See https://docs.vllm.ai/ for the server.
"""

from __future__ import annotations

from livekit.agents import Plugin

from .audio import TurnAudio
from .images import TurnImage
from .llm import LLM
from .log import logger
from .models import AudioInput, ChatModels
from .report import RequestReport
from .server import ServedModel
from .stream import LLMStream
from .stt import STT
from .version import __version__

__all__ = [
    "LLM",
    "STT",
    "AudioInput",
    "ChatModels",
    "LLMStream",
    "RequestReport",
    "ServedModel",
    "TurnAudio",
    "TurnImage",
    "__version__",
]


class VLLMPlugin(Plugin):
    """Registers the plugin with LiveKit."""

    def __init__(self) -> None:
        super().__init__(__name__, __version__, __package__ or __name__, logger)


Plugin.register_plugin(VLLMPlugin())

# Leaves what is not exported out of the generated documentation.
__pdoc__ = {name: False for name in dir() if name not in __all__}
