"""From where a stack can be reached, and what its user is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.certificate import certificate_of
from agent.stack import Stack, StackError, ports, reach

SSH = {"SSH_CONNECTION": "192.0.2.9 50000 192.0.2.7 22"}
LAN = "192.0.2.7"


def told(address: str, environment: dict[str, str], *, livekit: bool = True, **ports: int) -> str:
    numbers = {"web": 8080, **ports}
    return "\n".join(reach.sentences(numbers, address, None, environment, livekit=livekit))


def test_media_go_where_the_page_is_unless_told_otherwise() -> None:
    assert reach.media_address("127.0.0.1", {}) == "127.0.0.1"
    assert reach.media_address("0.0.0.0", {"PARLEY_MEDIA_ADDRESS": "127.0.0.1"}) == "127.0.0.1"


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "parley.lan", ""])
def test_an_address_that_no_browser_reaches_is_one_sentence(address: str) -> None:
    with pytest.raises(
        StackError, match=r"^A browser cannot send media to .*: set PARLEY_ADDRESS to "
    ):
        Stack(address=address)


def test_beyond_this_machine_there_is_a_certificate_unless_it_is_told_otherwise() -> None:
    assert reach.certificate_wish("127.0.0.1", {}) == "none"
    assert reach.certificate_wish(LAN, {}) == "made"
    assert reach.certificate_wish(LAN, {"PARLEY_CERTIFICATE": "none"}) == "none"
    assert reach.certificate_wish("127.0.0.1", {"PARLEY_CERTIFICATE": "c.pem"}) == "c.pem"


def test_the_page_says_how_it_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    port = {**ports.free(), "web": 8080}
    assert Stack(port).web_url == "http://127.0.0.1:8080"
    assert Stack(port, address=LAN).web_url == f"https://{LAN}:8080"
    monkeypatch.setenv("PARLEY_CERTIFICATE", "none")
    assert Stack(port, address=LAN).web_url == f"http://{LAN}:8080"
    monkeypatch.setenv("PARLEY_MEDIA_ADDRESS", "127.0.0.1")
    assert Stack(port, address="0.0.0.0").web_url == "http://127.0.0.1:8080"


def test_a_wrong_certificate_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CERTIFICATE", "/nowhere/cert.pem")
    with pytest.raises(StackError, match=r"^PARLEY_CERTIFICATE=/nowhere/cert.pem .* cannot be"):
        Stack()


def test_who_is_here_by_ssh_is_told_the_way_back() -> None:
    assert told("127.0.0.1", {}) == ""
    assert told(LAN, SSH) == ""
    assert "start this with PARLEY_PORT_LIVEKIT_TCP=7881" in told("127.0.0.1", SSH)
    line = told("127.0.0.1", SSH, livekit_tcp=7881)
    assert "ssh -L 8080:127.0.0.1:8080 -L 7881:127.0.0.1:7881 " in line
    # Media of a LiveKit that is somewhere else do not come by here.
    assert "ssh -L 8080:127.0.0.1:8080 " in told("127.0.0.1", SSH, livekit=False)


def test_a_certificate_that_was_made_is_shown_with_what_a_browser_shows(tmp_path: Path) -> None:
    made = certificate_of(LAN, {"PARLEY_CERTIFICATE": "made"}, tmp_path)
    assert made
    assert made.fingerprint in "".join(reach.sentences({"web": 8080}, LAN, made, {}))
    given = {"PARLEY_CERTIFICATE": str(made.file)}
    assert "".join(reach.sentences({"web": 8080}, LAN, made, given)) == ""


def test_media_over_tcp_is_opened_where_it_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_PORT_LIVEKIT_TCP", raising=False)
    assert "livekit_tcp" not in ports.free()
    assert "livekit_tcp" not in ports.chosen()
    assert ports.chosen(address=LAN)["livekit_tcp"] == 7881
    monkeypatch.setenv("PARLEY_PORT_LIVEKIT_TCP", "17881")
    assert ports.chosen()["livekit_tcp"] == 17881
