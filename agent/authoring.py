"""What the Python of an agent's own imports (docs/your-agent.md)."""

from livekit.agents import RunContext, ToolError

from .assistant import Assistant
from .definition.functions import confirm, deadline
from .voice_agent import VoiceAgent

__all__ = ["Assistant", "RunContext", "ToolError", "VoiceAgent", "confirm", "deadline"]
