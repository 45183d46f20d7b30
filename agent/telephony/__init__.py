"""Callers by phone: what LiveKit's SIP service says of a call, and what the agent can do in one."""

from .arrival import User, connect_user
from .call_control import CallControl
from .details import Details
from .dial import Dialler
from .masking import mask_logs
from .no_answer import NoAnswer
from .numbers import NotAllowed
from .sip_call import HungUp

__all__ = [
    "CallControl",
    "Details",
    "Dialler",
    "HungUp",
    "NoAnswer",
    "NotAllowed",
    "User",
    "connect_user",
    "mask_logs",
]
