"""The page to talk on, and the endpoint that hands out tickets into rooms.

``python -m agent.web`` serves both. The browser gets everything from here and from
livekit-server; no third host is involved.
"""

from __future__ import annotations

from .server import create_app

__all__ = ["create_app"]
