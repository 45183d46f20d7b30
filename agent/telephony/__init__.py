"""Callers by phone: what LiveKit's SIP service says of a call, and what the agent can do in one."""

from .call import HungUp
from .dial import NoAnswer
from .meeting import meet
from .numbers import NotAllowed, mask_logs

__all__ = ["HungUp", "NoAnswer", "NotAllowed", "mask_logs", "meet"]
