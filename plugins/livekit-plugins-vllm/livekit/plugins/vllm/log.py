"""The logger of this plugin."""

from __future__ import annotations

import logging

logger = logging.getLogger("livekit.plugins.vllm")
