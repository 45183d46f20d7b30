"""A caller that names an allowed address as its host is not let in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from livekit import rtc

from agent.telephony.caller_id import is_spoofed


@pytest.mark.parametrize(
    ("attributes", "spoofed"),
    [
        ({"sip.hostname": "203.0.113.7/32"}, True),
        ({"sip.hostname": "203.0.113.7"}, False),
        ({"sip.hostname": "trunk.pstn.twilio.com"}, False),
        ({}, False),
    ],
)
def test_a_network_is_no_host(attributes: dict[str, str], spoofed: bool) -> None:
    caller = cast(rtc.Participant, SimpleNamespace(attributes=attributes))
    assert is_spoofed(caller) is spoofed
