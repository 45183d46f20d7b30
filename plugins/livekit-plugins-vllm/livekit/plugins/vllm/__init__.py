"""vLLM plugin for LiveKit Agents: a language model and speech recognition on your own servers.

See https://docs.vllm.ai/ for the server.
"""

from __future__ import annotations

from livekit.agents import Plugin

from ._llm.audio import TurnAudio
from ._llm.images import TurnImage
from ._llm.report import RequestReport
from ._llm.stream import LLMStream
from ._server.served import Answered, Failed, FaultKind
from ._server.server import ServedModel
from .llm import LLM
from .log import logger
from .models import AudioInput, ChatModels
from .stt import STT
from .version import __version__

__all__ = [
    "LLM",
    "STT",
    "Answered",
    "AudioInput",
    "ChatModels",
    "Failed",
    "FaultKind",
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
