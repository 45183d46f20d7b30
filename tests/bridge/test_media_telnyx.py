"""Telnyx's messages as it documents them, and others that come in their place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.bridge.media_messages import Dtmf, Mark, Media, MessageError, Start, Stop, Trouble
from agent.bridge.media_telnyx import Telnyx

START = """{
  "event": "start", "sequence_number": "1",
  "stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
  "start": {
    "user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
    "call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
    "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
    "from": "+13122010094", "to": "+13122123456",
    "tags": ["TAG1", "TAG2"], "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
    "custom_parameters": {"customer_id": "customer_123"},
    "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
  }
}"""


def media(chunk: int | str | None, payload: str = "AID/fw==", track: str = "inbound") -> str:
    fields: dict[str, Any] = {"track": track, "timestamp": "5", "payload": payload}
    if chunk is not None:
        fields["chunk"] = chunk
    return json.dumps(
        {"event": "media", "sequence_number": "4", "stream_id": "32", "media": fields}
    )


def test_every_documented_message_is_read() -> None:
    dialect = Telnyx()
    assert dialect.read('{"event": "connected", "version": "1.0.0"}') == []
    assert dialect.read(START) == [
        Start(
            "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
            {"from": "+13122010094", "to": "+13122123456", "customer_id": "customer_123"},
        )
    ]
    (sound,) = dialect.read(media("2"))
    assert isinstance(sound, Media)
    assert sound.samples.tolist() == [-32124, 32124, 0, 0]
    assert dialect.read(
        '{"event": "dtmf", "stream_id": "32", "occurred_at": "2024-09-10T13:00:00.000000Z",'
        ' "sequence_number": "5", "dtmf": {"digit": "1"}}'
    ) == [Dtmf("1")]
    assert dialect.read(
        '{"event": "mark", "sequence_number": "4", "stream_id": "32", "mark": {"name": "7"}}'
    ) == [Mark("7")]
    assert dialect.read(
        '{"event": "error", "stream_id": "32", "payload":'
        ' {"code": 100003, "title": "malformed_frame", "detail": "The frame is malformed."}}'
    ) == [Trouble("100003 malformed_frame The frame is malformed.")]
    assert dialect.read(
        '{"event": "stop", "sequence_number": "5", "stream_id": "32",'
        ' "stop": {"user_id": "3E", "call_control_id": "v2:T0"}}'
    ) == [Stop()]


def test_a_call_in_a_law_is_heard_and_answered_in_it() -> None:
    dialect = Telnyx()
    dialect.read(START.replace("PCMU", "PCMA"))
    (sound,) = dialect.read(media("1", "1Q=="))  # A-law's zero
    assert isinstance(sound, Media)
    assert sound.samples.tolist() == [8]
    assert dialect.media(bytes(2)) == {"event": "media", "media": {"payload": "1Q=="}}
    assert dialect.mark("x") == {"event": "mark", "mark": {"name": "x"}}
    assert dialect.clear() == {"event": "clear"}


ULAW = {1: "AA==", 2: "EA==", 3: "IA==", 4: "MA==", 5: "QA==", 6: "UA=="}


def order(*chunks: int | str | None) -> list[int]:
    """The pieces that are heard, by number, of those that come."""
    dialect = Telnyx()
    dialect.read(START)
    known = {}
    for number, payload in ULAW.items():
        (sound,) = Telnyx().read(media(None, payload))
        assert isinstance(sound, Media)
        known[sound.samples.tobytes()] = number
    heard = []
    for chunk in chunks:
        number = int(chunk or 0) % 100
        for sound in dialect.read(media(chunk, ULAW[number or 6])):
            assert isinstance(sound, Media)
            heard.append(known[sound.samples.tobytes()])
    return heard


@pytest.mark.parametrize(
    ("come", "heard"),
    [
        ((1, 2, 3, 4), [1, 2, 3, 4]),
        ((1, 3, 2, 4), [1, 2, 3, 4]),
        ((2, 1, 3), [2, 3]),  # what came first has been heard already
        ((1, 3, 4, 2, 5), [1, 3, 4, 5]),  # nothing is late by more than one for the lost one
        ((1, 2, 2, 3), [1, 2, 3]),
        ((1, 3, 3, 2), [1, 2, 3]),
        (("1", "2", "3"), [1, 2, 3]),
        ((None, None), [6, 6]),
        ((101, 102, 1, 2), [1, 2, 1, 2]),  # a new count
    ],
)
def test_sound_is_put_in_order(come: tuple[int, ...], heard: list[int]) -> None:
    assert order(*come) == heard


def test_what_the_caller_hears_is_not_what_they_say() -> None:
    assert Telnyx().read(media(1, track="outbound")) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (START.replace("PCMU", "OPUS"), "start.media_format.encoding: it must be PCMU or PCMA"),
        (START.replace("PCMU", "L16"), "start.media_format.encoding: it must be PCMU or PCMA"),
        (START.replace("8000", "16000"), "start.media_format.sample_rate: it must be 8000"),
        (START.replace('"stream_id"', '"streamSid"'), "stream_id: there is no text"),
        (media(1, "!"), r"media\.payload: it is no base64"),
    ],
)
def test_a_malformed_message_is_one_sentence(text: str, part: str) -> None:
    with pytest.raises(MessageError, match=part) as refused:
        Telnyx().read(text)
    assert "\n" not in str(refused.value)


def test_an_error_that_says_nothing_is_told() -> None:
    assert Telnyx().read('{"event": "error"}') == [Trouble("it does not say why")]
