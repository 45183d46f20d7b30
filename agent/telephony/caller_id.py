"""Whether a call comes from where it says."""

from __future__ import annotations

from livekit import rtc

_HOST = "sip.hostname"
"""Attribute with the host in the From header of the call (livekit/protocol, attrs.go)."""


def is_spoofed(caller: rtc.Participant) -> bool:
    """Whether a caller was let in only because its From names an entry of the allowed addresses.

    LiveKit compares each entry, to the letter, with the host in From, too.
    :mod:`agent.telephony.provision` writes all entries as networks: 203.0.113.7/32. No host has a
    slash.
    """
    return "/" in caller.attributes.get(_HOST, "")
