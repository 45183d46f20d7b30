"""LiveKit's turn handling, every part of it set to something that runs on this machine."""

from __future__ import annotations

from livekit.agents.voice.turn import EndpointingOptions, TurnHandlingOptions

from .options import TurnOptions

_NEVER = 86_400.0
"""Seconds of speech."""


def turn_handling(turns: TurnOptions) -> TurnHandlingOptions:
    """What a session is told; ``dev`` mode would otherwise choose detectors in LiveKit's cloud."""
    return {
        # The detector's end of speech is the end of the turn already (:mod:`.detector`).
        "turn_detection": "vad",
        "endpointing": fixed(0.0),
        "interruption": {
            "mode": "vad",
            # What is heard over the agent is judged by `OverlapTracker`. LiveKit only holds a reply
            # that has not begun while the user goes on, and lets it begin once they are silent.
            "min_duration": _NEVER,
            "false_interruption_timeout": 0.0,
        },
        "preemptive_generation": {
            "enabled": True,
            "preemptive_tts": True,
            # Of a turn with as many pauses, or as long, the end is awaited as usual.
            "max_retries": 8,
            "max_speech_duration": 30.0,
        },
    }


def fixed(delay: float) -> EndpointingOptions:
    """One wait between the end of speech and the end of the turn, in seconds."""
    return {"mode": "fixed", "min_delay": delay, "max_delay": delay}
