"""Callers by phone: what LiveKit's SIP service says of a call, and what the agent can do in one."""

from .arrival import connect_user
from .dial import NoAnswer
from .numbers import NotAllowed, mask_logs
from .sip_call import HungUp

__all__ = ["HungUp", "NoAnswer", "NotAllowed", "mask_logs", "connect_user"]
