"""Twilio's messages as it documents them, and others that come in their place."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from agent.bridge.media_messages import Dtmf, Mark, Media, MessageError, Start, Stop
from agent.bridge.media_twilio import Twilio
from harness.media_stream import signature

START = """{
  "event": "start", "sequenceNumber": "1",
  "start": {
    "accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "callSid": "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "tracks": ["inbound"],
    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    "customParameters": {"FirstName": "Jane", "RemoteParty": "Bob"}
  },
  "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
}"""


def start(**changes: Any) -> str:
    """The start with other fields within it."""
    message = json.loads(START)
    message["start"] |= changes
    return json.dumps(message)


def test_every_documented_message_is_read() -> None:
    dialect = Twilio()
    assert dialect.read('{"event": "connected", "protocol": "Call", "version": "1.0.0"}') == []
    assert dialect.read(START) == [
        Start("MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", {"FirstName": "Jane", "RemoteParty": "Bob"})
    ]
    (media,) = dialect.read(
        '{"event": "media", "sequenceNumber": "3", "streamSid": "MZ0", "media":'
        ' {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "AID/fw=="}}'
    )
    assert isinstance(media, Media)
    # G.711: the most negative, the most positive and both zeros.
    assert media.samples.tolist() == [-32124, 32124, 0, 0]
    assert dialect.read(
        '{"event": "dtmf", "streamSid": "MZ0", "sequenceNumber": "5",'
        ' "dtmf": {"track": "inbound_track", "digit": "#"}}'
    ) == [Dtmf("#")]
    assert dialect.read(
        '{"event": "mark", "sequenceNumber": "4", "streamSid": "MZ0", "mark": {"name": "my label"}}'
    ) == [Mark("my label")]
    assert dialect.read(
        '{"event": "stop", "sequenceNumber": "5", "streamSid": "MZ0",'
        ' "stop": {"accountSid": "AC0", "callSid": "CA0"}}'
    ) == [Stop()]


@pytest.mark.parametrize(
    "text",
    [
        '{"event": "transcript", "text": "hello"}',
        '{"event": "media", "media": {"track": "outbound", "payload": "AID/fw=="}}',
        '{"event": "dtmf", "dtmf": {"digit": "12"}}',
        '{"event": "dtmf", "dtmf": {"digit": "w"}}',
        '{"event": "dtmf", "dtmf": {"digit": 5}}',
    ],
)
def test_what_is_of_no_matter_is_passed_over(text: str) -> None:
    assert Twilio().read(text) == []


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"customParameters": {"a": 5, "b": True, "c": ["x"], "d": None}}, {"a": "5", "b": "true"}),
        ({"customParameters": {"a": "x" * 501, "b": "y"}}, {"b": "y"}),
        ({"customParameters": "none"}, {}),
        (
            {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": "8000"}},
            {"FirstName": "Jane", "RemoteParty": "Bob"},
        ),
    ],
)
def test_a_start_that_is_a_little_different_is_taken(
    said: dict[str, Any], kept: dict[str, str]
) -> None:
    (read,) = Twilio().read(start(**said))
    assert isinstance(read, Start)
    assert read.parameters == kept


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("hello", "message: Invalid JSON"),
        ("{}", "message: there is no event"),
        ("[]", "message: there is no event"),
        ('{"event": 5}', "message: there is no event"),
        (b"\0\0", "message: it has bytes"),
        ("[" * 100_000, "message: Invalid JSON"),
        (START.replace("audio/x-mulaw", "audio/opus"), "start.mediaFormat.encoding: it must be"),
        (START.replace("8000", "16000"), "start.mediaFormat.sampleRate: it must be 8000"),
        (START.replace('"channels": 1', '"channels": 2'), "start.mediaFormat.channels"),
        (start(tracks=["outbound"]), "start.tracks: there is no inbound track"),
        ('{"event": "start", "start": {}}', "streamSid: there is no text"),
        ('{"event": "start", "streamSid": "MZ0"}', "start: there are no fields"),
        ('{"event": "media", "media": {}}', r"media\.payload: there is no text"),
        ('{"event": "media", "media": {"payload": "!"}}', r"media\.payload: it is no base64"),
        ('{"event": "media", "media": {"payload": "é"}}', r"media\.payload: it is no base64"),
        ('{"event": "media"}', "media: there are no fields"),
        ('{"event": "mark", "mark": {"name": 1}}', r"mark\.name"),
        ('{"event": "dtmf"}', "dtmf: there are no fields"),
    ],
)
def test_a_malformed_message_is_one_sentence(text: str | bytes, part: str) -> None:
    with pytest.raises(MessageError, match=part) as refused:
        Twilio().read(text)
    assert "\n" not in str(refused.value)


def test_what_is_sent_is_as_documented() -> None:
    dialect = Twilio()
    dialect.read(START)
    stream = "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
    payload = base64.b64encode(b"\xff").decode()
    assert dialect.media(np.zeros(1, np.int16).tobytes()) == {
        "event": "media",
        "streamSid": stream,
        "media": {"payload": payload},
    }
    assert dialect.mark("x") == {"event": "mark", "streamSid": stream, "mark": {"name": "x"}}
    assert dialect.clear() == {"event": "clear", "streamSid": stream}


def test_the_signature_is_as_documented() -> None:
    # The example of Twilio's own validators: the URL, then the fields of a form by name.
    text = (
        "https://mycompany.com/myapp.php?foo=1&bar=2CallSidCA1234567890ABCDECaller+14158675309"
        "Digits1234From+14158675309To+18005551212"
    )
    assert signature(text, "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
