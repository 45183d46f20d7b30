"""Which names and which pages a server answers, and which keys keep nobody out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from agent import keys
from agent.once import REMEMBERED, Once, new_name
from agent.origin import HOSTS, HostsError, is_loopback, is_named, names_of, same_origin
from agent.serving import PROXIES, ProxyNotice, proxy_options


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("parley.localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_this_machine_alone(host: str, known: bool) -> None:
    assert is_loopback(host) is known


def test_a_server_of_this_machine_has_the_names_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(HOSTS, raising=False)
    assert names_of("127.0.0.1") == frozenset()
    given = names_of("127.0.0.1", "Voice.example.com", None)
    assert given == frozenset(["voice.example.com"])
    assert names_of("0.0.0.0") is None
    monkeypatch.setenv(HOSTS, " Parley.example.org, , parley.lan")
    named = frozenset(["parley.example.org", "parley.lan"])
    assert names_of("127.0.0.1") == named
    assert names_of("0.0.0.0") == named


@pytest.mark.parametrize("wrong", ["https://parley.lan", "parley.lan:8080", "parley.lan/", "a@b"])
def test_what_cannot_be_a_name_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(HOSTS, wrong)
    with pytest.raises(HostsError, match=HOSTS):
        names_of("127.0.0.1")


@pytest.mark.parametrize(
    ("authority", "named"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("192.168.1.7:8080", True),
        ("localhost:8080", True),
        ("parley.lan", True),
        ("PARLEY.LAN:8080", True),
        ("evil.test", False),
        ("evil.test:8080", False),
        ("parley.lan.evil.test", False),
        ("parley.lan@evil.test", False),
        ("evil.test#parley.lan", False),
        ("parley.lan:http", False),
        ("127.0.0.1.evil.test", False),
        ("[::1", False),
        ("", False),
        (":8080", False),
        ("parley.lan/evil", False),
    ],
)
def test_a_host_is_known_by_its_whole_name(authority: str, named: bool) -> None:
    assert is_named(authority, {"parley.lan"}) is named


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"origin": "http://127.0.0.1:8102"}, True),
        ({"origin": "https://evil.test"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://127.0.0.1:9999"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.test"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
    ],
)
def test_only_pages_of_its_own_are_answered(headers: dict[str, str], own: bool) -> None:
    given = {"host": "127.0.0.1:8102", **headers}
    scope: dict[str, Any] = {
        "type": "http",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    assert same_origin(HTTPConnection(scope)) is own


@pytest.mark.parametrize("secret", ["secret", "", "devsecret", "x" * 31])
def test_a_known_secret_opens_nothing_to_others(secret: str) -> None:
    keys.check_secret(secret, open_to="127.0.0.1")
    for address in ("0.0.0.0", "192.0.2.1", "livekit.example.org", "::"):
        with pytest.raises(keys.KeyRefusedError, match=f"has {len(secret)} characters"):
            keys.check_secret(secret, open_to=address)


def test_a_long_secret_may_be_used_anywhere() -> None:
    keys.check_secret("x" * 32, open_to="0.0.0.0")
    keys.check_agent({"LIVEKIT_URL": "wss://livekit.example.org", "LIVEKIT_API_SECRET": "x" * 32})


def test_the_agent_serves_no_open_server_with_a_known_secret() -> None:
    keys.check_agent({})
    keys.check_agent({"LIVEKIT_URL": "ws://localhost:7880", "LIVEKIT_API_SECRET": "secret"})
    with pytest.raises(keys.KeyRefusedError, match=r"livekit\.lan"):
        keys.check_agent({"LIVEKIT_URL": "ws://livekit.lan:7880", "LIVEKIT_API_SECRET": "secret"})


@pytest.mark.parametrize("key", ["", "k", "hush", "x" * 15])
def test_a_key_that_can_be_guessed_is_none(key: str) -> None:
    with pytest.raises(keys.KeyRefusedError, match="PARLEY_BRIDGE__API_KEY"):
        keys.check_key(key, name="PARLEY_BRIDGE__API_KEY")
    keys.check_key("x" * 16, name="PARLEY_BRIDGE__API_KEY")


def test_no_proxy_is_believed_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROXIES, raising=False)
    assert proxy_options()["proxy_headers"] is False
    monkeypatch.setenv(PROXIES, "127.0.0.1")
    assert proxy_options() == {"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}


async def test_a_proxy_that_is_not_believed_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(*_: object) -> None: ...

    async def asked(notice: ProxyNotice, *headers: tuple[bytes, bytes]) -> int:
        caplog.clear()
        await notice({"type": "http", "headers": headers}, None, None)  # type: ignore[arg-type]
        return len(caplog.records)

    monkeypatch.delenv(PROXIES, raising=False)
    notice = ProxyNotice(app)
    assert await asked(notice, (b"host", b"x")) == 0
    assert await asked(notice, (b"x-forwarded-for", b"192.0.2.1")) == 1
    assert await asked(notice, (b"x-forwarded-for", b"192.0.2.1")) == 0
    monkeypatch.setenv(PROXIES, "127.0.0.1")
    assert await asked(ProxyNotice(app), (b"x-forwarded-for", b"192.0.2.1")) == 0


def test_a_room_made_again_with_a_used_ticket_is_known() -> None:
    now = 0.0
    once = Once(clock=lambda: now)

    def again(name: str, sid: str) -> bool:
        return once.again(SimpleNamespace(name=name, sid=sid))

    first, other = new_name(), new_name()
    assert not again(first, "RM_1")
    assert not again(first, "RM_1")  # its job died, and another is sent
    assert again(first, "RM_2")
    assert again(first, "RM_3")
    assert not again(other, "RM_4")
    # Rooms that the page did not name may be used again and again.
    assert not again("meeting", "RM_5")
    assert not again("meeting", "RM_6")
    now += REMEMBERED
    assert not again(first, "RM_7")
    assert len(once._seen) == 1
