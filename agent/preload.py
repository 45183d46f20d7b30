"""What every call needs, imported once for all processes of an agent server.

LiveKit imports it where the processes of its jobs are forked from: each of them has it from its
start, and shares the memory until it writes there. A call that imported it as it went would be held
up by that, 1.5 s on a machine with nothing else to do, in its own first words or in those of
apology for an agent that has died. Nothing here may start a thread or an event loop, which would be
lost in a fork. A model that is not there is reported by the call that needs it.
"""

from __future__ import annotations

import asyncio
import contextlib

# What libraries put off until they are first used.
import sqlite3

import anyio._backends._asyncio
import av.subtitles.stream
import livekit.agents.llm.async_toolset
import livekit.local_inference as silero
import numpy.fft
import openai.pagination
import openai.resources.models
import uvloop
from livekit.agents.utils import http_context
from livekit.plugins.qwen3_tts import normalizer
from livekit.plugins.turn_taking.barge_in import hunch
from livekit.plugins.turn_taking.end_of_turn import smart_turn
from livekit.plugins.turn_taking.model import ModelError
from livekit.plugins.vllm import tls

from . import (
    alone,
    assistant,
    ending,
    engines,
    keys,
    known,
    night,
    omni,
    page_controls,
    server,
    serving,
    session,
    telephony,
)
from .definition import choice
from .prerecorded import sounds
from .recovery import sqlite_store

__all__ = [
    "alone",
    "anyio",
    "assistant",
    "av",
    "choice",
    "ending",
    "engines",
    "keys",
    "known",
    "livekit",
    "night",
    "numpy",
    "omni",
    "openai",
    "page_controls",
    "server",
    "serving",
    "session",
    "sqlite3",
    "sqlite_store",
    "telephony",
]

normalizer.prewarm()  # its grammars, 40 MB
sounds.prewarm()
tls.context()
http_context._create_ssl_context()  # LiveKit's own, which every session of a process shares
silero.init_vad()
hunch.prewarm()
with contextlib.suppress(ModelError):
    smart_turn.load()

# What a process that is forked from here makes as its event loop: turning it costs 8 of 81 ms of
# processor a second of a call less than asyncio's own.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
