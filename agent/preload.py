"""What every job needs, loaded once: the processes of jobs are forked from one that has it.

They share its memory until they write there. LiveKit imports this module in that process
(``preload_modules``), which must have one thread only when it forks; whatever fails here is
reported by the job that needs it.
"""

from __future__ import annotations

import contextlib

import livekit.local_inference as silero
from livekit.plugins.turn_taking.end_of_turn import smart_turn
from livekit.plugins.turn_taking.model import ModelError

from . import app  # noqa: F401

silero.init_vad()
with contextlib.suppress(ModelError):
    smart_turn.load()
