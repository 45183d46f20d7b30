"""Vonage's messages as it documents them, and others that come in their place."""

from __future__ import annotations

import json

import numpy as np
import pytest

from agent.bridge.media_messages import Dtmf, Mark, Media, MessageError, Start
from agent.bridge.media_vonage import Vonage

CONNECTED = """{
  "event": "websocket:connected", "content-type": "audio/l16;rate=16000",
  "uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "language": "en", "age": 40,
  "enable_auditing": false, "address": {"city": "New York City"}, "system_roles": [183493]
}"""


def test_every_documented_message_is_read() -> None:
    dialect = Vonage()
    uuid = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
    said = {"uuid": uuid, "language": "en", "age": "40", "enable_auditing": "false"}
    assert dialect.read(CONNECTED) == [Start(uuid, said)]
    assert dialect.rate == 16_000
    (sound,) = dialect.read(np.array([1, -1, 32767, -32768], "<i2").tobytes())
    assert isinstance(sound, Media)
    assert sound.samples.tolist() == [1, -1, 32767, -32768]
    assert dialect.read('{"event":"websocket:dtmf","digit":"5","duration":260}') == [Dtmf("5")]
    assert dialect.read('{"event":"websocket:notify","payload":{"mark":"7"}}') == [Mark("7")]
    assert dialect.read('{"event":"websocket:cleared"}') == []


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_the_rate_is_the_answers(rate: int) -> None:
    dialect = Vonage()
    dialect.read(CONNECTED.replace("16000", str(rate)))
    assert dialect.rate == rate


def test_a_stream_without_an_identifier_has_one_of_ours() -> None:
    text = '{"event":"websocket:connected","content-type":"audio/l16;rate=8000"}'
    (first,), (second,) = Vonage().read(text), Vonage().read(text)
    assert isinstance(first, Start)
    assert isinstance(second, Start)
    assert first.stream != second.stream
    assert first.parameters == {}


def test_what_is_sent_is_as_documented() -> None:
    dialect = Vonage()
    assert dialect.media(b"\1\0" * 320) == b"\1\0" * 320
    assert dialect.clear() == {"action": "clear"}
    asked = dialect.mark("7")
    assert isinstance(asked, dict)
    assert asked["action"] == "notify"
    told = json.dumps({"event": "websocket:notify", "payload": asked["payload"]})
    assert dialect.read(told) == [Mark("7")]


@pytest.mark.parametrize(
    "text",
    [
        '{"event": "websocket:hold"}',
        '{"event": "websocket:dtmf", "digit": "hash"}',
        '{"event": "websocket:dtmf"}',
        '{"event": "websocket:notify"}',
        '{"event": "websocket:notify", "payload": {"mark": 7}}',
        '{"event": "websocket:notify", "payload": "7"}',
    ],
)
def test_what_is_of_no_matter_is_passed_over(text: str) -> None:
    assert Vonage().read(text) == []


@pytest.mark.parametrize(
    ("message", "part"),
    [
        (b"\0", "message: its sound ends in the middle of a sample"),
        (CONNECTED.replace("l16;rate=16000", "opus"), "content-type: it must be audio/l16"),
        (CONNECTED.replace("16000", "44100"), "content-type: it must be audio/l16"),
        ('{"event": "websocket:connected"}', "content-type: there is no text"),
        ("hello", "message: Invalid JSON"),
    ],
)
def test_a_malformed_message_is_one_sentence(message: str | bytes, part: str) -> None:
    with pytest.raises(MessageError, match=part) as refused:
        Vonage().read(message)
    assert "\n" not in str(refused.value)
