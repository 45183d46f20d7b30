"""The keys that somebody presses on their phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from livekit import rtc

OnKey = Callable[[str], None]


class Keys(Protocol):
    """Tells of each key that is pressed in one call."""

    def listen(self, pressed: OnKey) -> Callable[[], None]:
        """Have a function called with each key.

        Returns:
            What ends it.
        """
        ...


class RoomKeys:
    """The keys of everybody in a room who is on the phone.

    Args:
        room: LiveKit's SIP service tells of them there.
    """

    def __init__(self, room: rtc.Room) -> None:
        self._room = room

    def listen(self, pressed: OnKey) -> Callable[[], None]:
        """Have a function called with each key; returns what ends it."""

        def on_key(key: rtc.SipDTMF) -> None:
            pressed(key.digit)

        self._room.on("sip_dtmf_received", on_key)
        return lambda: self._room.off("sip_dtmf_received", on_key)
