"""Everything on one machine, as processes under one supervisor.

Three modules start it: :mod:`~agent.stack.demo` with the engines of this machine,
:mod:`~agent.stack.phone` with LiveKit's SIP service as well, :mod:`~agent.stack.gpu` with the GPU
services.
"""

from __future__ import annotations

from .readiness import StackError
from .stack import Server, Stack

__all__ = ["Server", "Stack", "StackError"]
