"""Who may open a media stream, how often, and what they are told otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import jwt
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from agent import settings
from agent.bridge import create_app
from agent.bridge.engines import Engines
from agent.bridge.media_stream import open_streams_warning
from agent.definition.loading import load_agent
from harness.media_stream import signature

from .conftest import STREAM_TOKEN, STREAM_URL

SECRET = "0123456789abcdef0123456789abcdef"


def nobody(*_: object) -> Any:
    raise AssertionError("no call may begin")


def client(monkeypatch: pytest.MonkeyPatch, **variables: str) -> TestClient:
    for name, value in variables.items():
        monkeypatch.setenv(f"PARLEY_BRIDGE__{name}", value)
    engines = cast(Engines, object())
    return TestClient(create_app(settings.load("cpu"), load_agent("parley"), engines, nobody))


Header = str | Callable[[], str]


def written(headers: dict[str, Header]) -> dict[str, str]:
    return {
        name.replace("_", "-"): value if isinstance(value, str) else value()
        for name, value in headers.items()
    }


def refusal(bridge: TestClient, **headers: Header) -> tuple[int, str]:
    """The status and the code by which a stream is refused."""
    with pytest.raises(WebSocketDenialResponse) as refused:  # noqa: SIM117
        with bridge.websocket_connect("/media-streams", headers=written(headers)):
            pass
    return refused.value.status_code, refused.value.json()["error"]["code"]


def taken(bridge: TestClient, **headers: Header) -> bool:
    with bridge.websocket_connect("/media-streams", headers=written(headers)):
        return True


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """What Vonage signs now; times are seconds from now."""
    known: dict[str, Any] = {"iss": "Vonage", "iat": 0, "jti": "c5ba8f24", "api_key": "a1b2c3d"}
    known |= claims
    for name in ("iat", "exp"):
        if isinstance(known.get(name), int):
            known[name] += int(time.time())
    key = None if algorithm == "none" else secret
    return "Bearer " + jwt.encode(known, cast(str, key), algorithm=algorithm)


TELNYX = {"STREAM_URL": STREAM_URL, "STREAM_PROVIDER": "telnyx", "STREAM_TOKEN": SECRET}
VONAGE = {"STREAM_URL": STREAM_URL, "STREAM_PROVIDER": "vonage", "STREAM_TOKEN": SECRET}
TWILIO = {"STREAM_URL": STREAM_URL, "STREAM_TOKEN": STREAM_TOKEN}


@pytest.mark.parametrize(
    ("variables", "headers", "code"),
    [
        ({}, {}, "no_streams"),
        ({"STREAM_URL": STREAM_URL, "API_KEY": "k"}, {}, "no_token"),
        (TWILIO, {}, "bad_signature"),
        (TWILIO, {"X_Twilio_Signature": signature(STREAM_URL, "another")}, "bad_signature"),
        (TELNYX, {}, "bad_token"),
        (TELNYX, {"x_telnyx_streaming_auth_token": SECRET[:-1]}, "bad_token"),
        (TELNYX, {"X_Twilio_Signature": signature(STREAM_URL, SECRET)}, "bad_token"),
        (VONAGE, {}, "bad_signature"),
        (VONAGE, {"Authorization": "Bearer"}, "bad_signature"),
        (VONAGE, {"Authorization": "Bearer x.y.z"}, "bad_signature"),
        (VONAGE, {"Authorization": f"Basic {SECRET}"}, "bad_signature"),
        (VONAGE, {"Authorization": partial(token, "f" * 32)}, "bad_signature"),
        (VONAGE, {"Authorization": partial(token, algorithm="HS512")}, "bad_signature"),
        (VONAGE, {"Authorization": partial(token, algorithm="none")}, "bad_signature"),
        (VONAGE, {"Authorization": partial(token, iat=-400)}, "bad_signature"),
        (VONAGE, {"Authorization": partial(token, iat=400)}, "bad_signature"),
        (VONAGE, {"Authorization": partial(token, exp=-90)}, "bad_signature"),
        (VONAGE, {"Authorization": partial(token, iat="now")}, "bad_signature"),
        # A secret that can be none: PyJWT takes it for the key of another kind of signature.
        (VONAGE | {"STREAM_TOKEN": "ssh-rsa AAAA"}, {"Authorization": token}, "bad_signature"),
    ],
)
def test_a_stream_that_is_not_the_providers_is_refused_before_it_opens(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    headers: dict[str, Header],
    code: str,
) -> None:
    assert refusal(client(monkeypatch, **variables), **headers) == (403, code)


@pytest.mark.parametrize(
    ("variables", "headers"),
    [
        (TWILIO, {"X_Twilio_Signature": signature(STREAM_URL, STREAM_TOKEN)}),
        (TELNYX, {"x_telnyx_streaming_auth_token": SECRET}),
        (VONAGE, {"Authorization": token}),
        (VONAGE, {"Authorization": partial(token, aud="x", application_id="y")}),
        (VONAGE, {"Authorization": f"Bearer {SECRET}"}),
    ],
)
def test_a_stream_that_is_the_providers_opens(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], headers: dict[str, Header]
) -> None:
    assert taken(client(monkeypatch, **variables), **headers)


def test_more_streams_than_may_begin_are_told_when(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = client(monkeypatch, STREAMS_PER_MINUTE="2", **TELNYX)
    known = {"x_telnyx_streaming_auth_token": SECRET}
    # Those of somebody else are none.
    assert refusal(bridge)[0] == refusal(bridge)[0] == 403
    assert taken(bridge, **known)
    assert taken(bridge, **known)
    assert refusal(bridge, **known) == (429, "too_many")


@pytest.mark.parametrize("provider", ["twilio", "telnyx", "vonage"])
def test_a_token_that_is_not_filled_in_opens_nothing_that_a_key_locks(
    monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    bridge = client(
        monkeypatch, STREAM_URL=STREAM_URL, STREAM_PROVIDER=provider, STREAM_TOKEN="", API_KEY="k"
    )
    headers: dict[str, Header] = {
        "X_Twilio_Signature": signature(STREAM_URL, ""),
        "Authorization": token,
    }
    assert refusal(bridge, **headers) == (403, "no_token")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, False),
        ({"STREAM_URL": STREAM_URL}, True),
        ({"STREAM_URL": STREAM_URL, "STREAM_PROVIDER": "vonage"}, True),
        ({"STREAM_URL": STREAM_URL, "API_KEY": "k"}, False),  # which refuses all of them
        (TWILIO, False),
        (TELNYX, False),
    ],
)
def test_who_starts_it_learns_that_anybody_may_open_a_stream(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"PARLEY_BRIDGE__{name}", value)
    told = open_streams_warning(settings.load("cpu").bridge)
    assert (told is not None) is said
    if told:
        assert STREAM_URL in told
        assert "PARLEY_BRIDGE__STREAM_TOKEN" in told


async def test_a_bridge_that_stops_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = client(monkeypatch, **TELNYX)
    assert bridge.get("/health").status_code == 200
    await cast(Any, bridge.app).state.streams.say_goodbye()  # nobody is there
    assert refusal(bridge, x_telnyx_streaming_auth_token=SECRET) == (503, "stopping")
    health = bridge.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "stopping")


@pytest.mark.parametrize("message", ["hello", b"\0"])
def test_a_stream_that_sends_nonsense_is_closed_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, message: str | bytes
) -> None:
    bridge = client(monkeypatch, **TWILIO)
    headers = {"X-Twilio-Signature": signature(STREAM_URL, STREAM_TOKEN)}
    with bridge.websocket_connect("/media-streams", headers=headers) as socket:
        if isinstance(message, str):
            socket.send_text(message)
        else:
            socket.send_bytes(message)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 1008
    assert closed.value.reason.startswith("message: ")
