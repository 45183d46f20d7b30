"""Answering machine detection: who picked up a call that the agent has placed."""

from .detection import AnsweredBy
from .screening import CallScreening

__all__ = ["AnsweredBy", "CallScreening"]
