"""Whether a call comes from where it says, and whose number it has."""

from __future__ import annotations

import re
from collections.abc import Mapping

from livekit import rtc

from ..routing_settings import CallerId
from .numbers import told

ASSERTED, PRIVACY = "parley.asserted", "parley.privacy"
"""Attributes of a caller with the headers P-Asserted-Identity and Privacy (RFC 3325), on trunks
whose provider is trusted to set the first."""

_URI = re.compile(r"\b(?:sips?|tel):(\+?[0-9*#]{1,20})(?=[@;>,\s]|$)")

_HOST = "sip.hostname"
"""Attribute with the host in the From header of the call (livekit/protocol, attrs.go)."""


def is_spoofed(caller: rtc.Participant) -> bool:
    """Whether a caller was let in only because its From names an entry of the allowed addresses.

    LiveKit compares each entry, to the letter, with the host in From, too.
    :mod:`agent.telephony.provision` writes all entries as networks: 203.0.113.7/32. No host has a
    slash.
    """
    return "/" in caller.attributes.get(_HOST, "")


def caller_of(
    attributes: Mapping[str, str], shown: str | None, country: str | None
) -> tuple[str | None, CallerId]:
    """The number of a caller, and what is known of it.

    Args:
        attributes: Those of the caller's participant.
        shown: The number that the caller says.
        country: Whose numbers have no country code.
    """
    if "id" in re.split(r"[;,\s]+", attributes.get(PRIVACY, "").lower()):
        return None, "withheld"  # whatever the provider knows is for the provider
    uri = _URI.search(attributes.get(ASSERTED, ""))
    if uri and (asserted := told(uri[1], country)):
        return asserted, "asserted"
    return shown, "shown" if shown else "withheld"
