"""Media streams: the messages as Twilio documents them, and who may open one."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from agent import settings
from agent.bridge import create_app, media_messages
from agent.bridge.engines import Engines
from agent.bridge.media_messages import (
    Connected,
    Dtmf,
    Mark,
    Media,
    MessageError,
    Start,
    Stop,
    read,
)
from agent.definition.loading import load_agent
from harness.media_stream import signature

from .conftest import STREAM_TOKEN, STREAM_URL

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


def test_every_documented_message_is_read() -> None:
    connected = read('{"event": "connected", "protocol": "Call", "version": "1.0.0"}')
    assert isinstance(connected, Connected)
    start = read(START)
    assert isinstance(start, Start)
    assert start.stream_sid == "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
    assert start.start.custom_parameters == {"FirstName": "Jane", "RemoteParty": "Bob"}
    media = read(
        '{"event": "media", "sequenceNumber": "3", "streamSid": "MZ0", "media":'
        ' {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "AID/fw=="}}'
    )
    assert isinstance(media, Media)
    # G.711: the most negative, the most positive and both zeros.
    assert [*media.frame().data] == [-32124, 32124, 0, 0]
    dtmf = read(
        '{"event": "dtmf", "streamSid": "MZ0", "sequenceNumber": "5",'
        ' "dtmf": {"track": "inbound_track", "digit": "#"}}'
    )
    assert isinstance(dtmf, Dtmf)
    assert dtmf.dtmf.digit == "#"
    mark = read(
        '{"event": "mark", "sequenceNumber": "4", "streamSid": "MZ0", "mark": {"name": "my label"}}'
    )
    assert isinstance(mark, Mark)
    assert mark.mark.name == "my label"
    stop = read(
        '{"event": "stop", "sequenceNumber": "5", "streamSid": "MZ0",'
        ' "stop": {"accountSid": "AC0", "callSid": "CA0"}}'
    )
    assert isinstance(stop, Stop)


def test_a_message_of_a_later_version_is_passed_over() -> None:
    assert read('{"event": "transcript", "text": "hello"}') is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("hello", "message: Invalid JSON"),
        ("{}", "message: Unable to extract tag"),
        (START.replace("audio/x-mulaw", "audio/opus"), "mediaFormat.encoding"),
        ('{"event": "dtmf", "dtmf": {"digit": "12"}}', "dtmf.digit"),
    ],
)
def test_a_malformed_message_is_one_sentence(text: str, part: str) -> None:
    with pytest.raises(MessageError, match=part) as refused:
        read(text)
    assert "\n" not in str(refused.value)


def test_sound_that_is_no_base64_is_refused() -> None:
    message = read('{"event": "media", "media": {"payload": "!"}}')
    assert isinstance(message, Media)
    with pytest.raises(MessageError, match=r"media\.payload"):
        message.frame()


def test_what_is_sent_is_as_documented() -> None:
    assert media_messages.media("MZ0", b"\0\0") == {
        "event": "media",
        "streamSid": "MZ0",
        "media": {"payload": base64.b64encode(b"\xff").decode()},
    }
    assert media_messages.mark("MZ0", "x") == {
        "event": "mark",
        "streamSid": "MZ0",
        "mark": {"name": "x"},
    }
    assert media_messages.clear("MZ0") == {"event": "clear", "streamSid": "MZ0"}


def test_the_signature_is_as_documented() -> None:
    # The example of Twilio's own validators: the URL, then the fields of a form by name.
    text = (
        "https://mycompany.com/myapp.php?foo=1&bar=2CallSidCA1234567890ABCDECaller+14158675309"
        "Digits1234From+14158675309To+18005551212"
    )
    assert signature(text, "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


class Nothing:
    """Engines that nobody should ask."""


def nobody(*_: object) -> Any:
    raise AssertionError("no call may begin")


@pytest.mark.parametrize(
    ("variables", "given"),
    [
        ({}, ""),
        ({"STREAM_URL": STREAM_URL, "API_KEY": "k"}, ""),
        ({"STREAM_URL": STREAM_URL, "STREAM_TOKEN": STREAM_TOKEN}, ""),
        (
            {"STREAM_URL": STREAM_URL, "STREAM_TOKEN": STREAM_TOKEN},
            signature(STREAM_URL, "another"),
        ),
    ],
)
def test_a_stream_that_is_not_the_providers_is_refused_before_it_opens(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], given: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"PARLEY_BRIDGE__{name}", value)
    app = create_app(settings.load("cpu"), load_agent("parley"), cast(Engines, Nothing()), nobody)
    with TestClient(app) as client, pytest.raises(WebSocketDisconnect):  # noqa: SIM117
        with client.websocket_connect("/media-streams", headers={"X-Twilio-Signature": given}):
            pass


def test_a_stream_that_sends_nonsense_is_closed_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_BRIDGE__STREAM_URL", STREAM_URL)
    monkeypatch.setenv("PARLEY_BRIDGE__STREAM_TOKEN", STREAM_TOKEN)
    app = create_app(settings.load("cpu"), load_agent("parley"), cast(Engines, Nothing()), nobody)
    headers = {"X-Twilio-Signature": signature(STREAM_URL, STREAM_TOKEN)}
    with (
        TestClient(app) as client,
        client.websocket_connect("/media-streams", headers=headers) as socket,
    ):
        socket.send_text("hello")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 1008
    assert "Invalid JSON" in closed.value.reason
