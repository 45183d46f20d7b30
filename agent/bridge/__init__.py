"""The same pipeline over HTTP, for whoever has no room: text or a recording in, speech out."""

from __future__ import annotations

from .engines import Engines, open_engines
from .server import create_app

__all__ = ["Engines", "create_app", "open_engines"]
