"""The language model: llama.cpp's own server, inside this process."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

from agent.models import called, locate, size

from . import door

logger = logging.getLogger(__name__)

SLOTS = 2
"""Conversations that keep their own prompt cache and generate at once."""

CONTEXT = 4096
"""Tokens of context for each slot."""

NICENESS = 15
"""Priority below that of the TTS, which makes the first unit while this writes the rest of the
reply: in Chinese, voice to voice P50 1.90 s instead of 2.05 s, P95 2.03 s instead of 2.36 s (24
turns each, with priorities as far apart: 10 and 0)."""

TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def serve(host: str, port: int) -> None:
    """Serve until a signal.

    ``/health`` answers 503 while the model loads and llama.cpp does a first empty run of it.
    """
    import xllamacpp

    os.nice(NICENESS)
    name = called("llm")
    params = xllamacpp.CommonParams()
    params.model.path = str(locate("llm") / "model.gguf")
    params.model_alias = {name}
    params.chat_template = TEMPLATE.read_text(encoding="utf-8")
    params.hostnames = [host]
    params.port = port
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT
    params.cpuparams.n_threads = size.threads()
    params.cpuparams_batch.n_threads = size.threads()
    # A request that names no temperature would get llama.cpp's 0.8, too high for 0.5B.
    params.sampling.temp = 0.3
    params.endpoint_metrics = True
    # By default any web site may ask, and read the answer.
    params.cors_origins, params.cors_origins_explicit = "", True
    params.cors_credentials = False
    params.endpoint_slots = False  # it shows what each conversation does
    params.api_keys = [key] if (key := door.key()) else []
    params.ui = False
    params.verbosity = 1  # errors only: at 3 it logs prompts, which hold what users say
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server = xllamacpp.Server(params)
    logger.info("engine ready", extra={"engine": "llm", "model": name})
    stop.wait()
    del server
