"""Changes to vllm-omni 0.30 that shorten the wait for the first audio of Qwen3-TTS.

vLLM loads this through its ``vllm.general_plugins`` entry point in every process of a server;
``VLLM_PLUGINS=vllm_omni_register_models`` in its environment leaves it out. What the changes did
is in docs/tuning.md.
"""

from __future__ import annotations

import logging
import sys
from importlib.metadata import PackageNotFoundError, version

from . import first_chunks, first_frame, prefill_graphs, tables

_log = logging.getLogger("vllm.parley")
_VERSION = "0.30."


def register() -> None:
    """Apply every change; vLLM calls this once in each of its processes."""
    if "--omni" not in sys.argv:  # a language model of the same environment
        return
    try:
        found = version("vllm-omni")
    except PackageNotFoundError:
        found = "none"
    if not found.startswith(_VERSION):
        _log.warning("made for vllm-omni %s*, found %s: left as it is", _VERSION, found)
        return
    for change in (first_chunks, tables, prefill_graphs, first_frame):
        try:
            change.apply()
        except Exception as e:  # whatever it is, the server starts without the change
            _log.warning("%s: vllm-omni is left as it is: %r", change.__name__, e)
