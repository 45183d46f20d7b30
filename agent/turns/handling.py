"""LiveKit's turn handling, every part of it set to something that runs on this machine."""

from __future__ import annotations

from livekit.agents import inference
from livekit.agents.voice.turn import TurnHandlingOptions

from ..settings import TurnSettings


def turn_handling(turns: TurnSettings) -> TurnHandlingOptions:
    """What a session is told; ``dev`` mode would otherwise choose detectors in LiveKit's cloud."""
    return {
        "turn_detection": (
            "vad" if turns.detector == "vad" else inference.TurnDetector(version="v1-mini")
        ),
        "endpointing": {"min_delay": turns.min_delay, "max_delay": turns.max_delay},
        "interruption": {
            "mode": "vad",
            "min_duration": turns.min_interruption,
            "false_interruption_timeout": turns.false_interruption_timeout,
        },
        "preemptive_generation": {"enabled": True, "preemptive_tts": True},
    }
