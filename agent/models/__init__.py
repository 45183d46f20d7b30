"""Model files of the CPU stand-ins: pinned, fetched once, verified, kept in the user's cache."""

from __future__ import annotations

from .manifest import ModelError
from .store import called, locate

__all__ = ["ModelError", "called", "locate"]
