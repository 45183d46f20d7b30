"""Callers by phone: what LiveKit's SIP service says of a call, and what the agent can do in one."""

from .arrival import User, connect_user
from .call_control import CallControl
from .dial import Dialler, NoAnswer
from .masking import mask_logs
from .numbers import NotAllowed
from .sip_call import HungUp

__all__ = [
    "CallControl",
    "Dialler",
    "HungUp",
    "NoAnswer",
    "NotAllowed",
    "User",
    "connect_user",
    "mask_logs",
]
