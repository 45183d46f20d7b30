from __future__ import annotations

import logging

import pytest

from agent.telephony.numbers import NotAllowed, dialable, mask, mask_logs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+442079460018", "***18"),
        ("sip_+8613800138000", "sip_***00"),
        ("call-_13800138000_Xy2kL9", "call-_***00_Xy2kL9"),
        ("sip:2025550143@203.0.113.9", "sip:***43@203.0.113.9"),
        ("extension 1042 after 3.1415926 s, job AJ_4928571abcd", None),
    ],
)
def test_a_number_is_shown_by_its_last_two_digits(text: str, shown: str | None) -> None:
    assert mask(text) == (text if shown is None else shown)


def test_no_log_record_tells_a_number(caplog: pytest.LogCaptureFixture) -> None:
    mask_logs()
    mask_logs()  # a process holds one conversation after another
    with caplog.at_level("INFO"):
        logging.getLogger("livekit.agents").info(
            "closing, %s left", "sip_+442079460018", extra={"room": "call-_+442079460018_k3"}
        )
    (record,) = caplog.records
    assert record.getMessage() == "closing, sip_***18 left"
    assert vars(record)["room"] == "call-_***18_k3"
    assert len(logging.getLogger("livekit.agents").filters) == len(
        set(map(type, logging.getLogger("livekit.agents").filters))
    )


@pytest.mark.parametrize("written", ["+44 20 7946-0018", "0044 (20) 7946.0018", "+442079460018"])
def test_a_number_is_read_as_people_write_it(written: str) -> None:
    assert dialable(written, ["+44"]) == "+442079460018"


@pytest.mark.parametrize(
    ("written", "prefixes", "why"),
    [
        ("020 7946 0018", ["+44"], "country code"),
        ("sip:someone@203.0.113.9", ["+44"], "country code"),
        ("+442079460018;transport=tcp", ["+44"], "country code"),
        ("+44", ["+44"], "country code"),
        ("+882512345678", ["+44", "+1"], "may not be called"),
        ("+442079460018", [], "may not be called"),
    ],
)
def test_other_numbers_are_refused(written: str, prefixes: list[str], why: str) -> None:
    with pytest.raises(NotAllowed, match=why) as refused:
        dialable(written, prefixes)
    assert "7946" not in str(refused.value)
