"""Everything on one machine: LiveKit, the engines, the agent and the web page as processes."""

from __future__ import annotations

from .stack import Server, Stack, StackError

__all__ = ["Server", "Stack", "StackError"]
