"""What every call needs, imported once for all processes of an agent server.

LiveKit imports it where the processes of its jobs are forked from: each of them has it from its
start, and shares the memory. A call that imported it as it went would be held up by that, 1.5 s on
a machine with nothing else to do, in its own first words or in those of apology for an agent that
has died. Nothing here may start a thread or an event loop, which would be lost in a fork.
"""

from __future__ import annotations

# What libraries put off until they are first used.
import sqlite3

import anyio._backends._asyncio
import av.subtitles.stream
import livekit.agents.llm.async_toolset
import numpy.fft
import openai.pagination
import openai.resources.models
from livekit.plugins.qwen3_tts import normalizer

from . import alone, assistant, engines, keys, omni, server, serving, session, telephony
from .recovery import sqlite_store

__all__ = [
    "alone",
    "anyio",
    "assistant",
    "av",
    "engines",
    "keys",
    "livekit",
    "numpy",
    "omni",
    "openai",
    "server",
    "serving",
    "session",
    "sqlite3",
    "sqlite_store",
    "telephony",
]

normalizer.prewarm()  # its grammars, 40 MB
