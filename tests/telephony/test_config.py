"""The trunks' file: what is refused, in one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.telephony import config
from agent.telephony.config import TelephonyError

OPEN = "whoever finds the port could call"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIP_PASSWORD", "correct horse")
    monkeypatch.setenv("SHORT", "12")
    monkeypatch.delenv("UNSET", raising=False)


def load(tmp_path: Path, text: str) -> config.Trunks:
    file = tmp_path / "trunks.yaml"
    file.write_text(text)
    return config.load(file)


def test_the_file_that_comes_with_parley_lets_in_this_machine_only() -> None:
    trunks = config.load()
    assert [*trunks.inbound] == ["local"]
    assert [str(n) for n in trunks.inbound["local"].allowed_addresses] == ["127.0.0.0/8"]
    assert trunks.outbound == {}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("inbound: {a: {}}", ["inbound.a", OPEN]),
        ("inbound: {a: {numbers: ['+441632960961']}}", ["inbound.a", OPEN]),
        ("inbound: {a: {allowed_addresses: [0.0.0.0/0]}}", ["inbound.a", OPEN]),
        ("inbound: {a: {allowed_addresses: [127.0.0.1, '::/0']}}", ["inbound.a", OPEN]),
        ("inbound: {a: {allowed_addresses: [sip.example.com]}}", ["allowed_addresses.0"]),
        ("inbound: {a: {username: u}}", ["inbound.a", "username and password_env belong together"]),
        ("inbound: {a: {username: u, password_env: UNSET}}", ["password_env", "UNSET is not set"]),
        ("inbound: {a: {username: u, password: secret}}", ["inbound.a.password"]),
        (
            "inbound: {a: {allowed_addresses: [127.0.0.1], rooms: {pin_env: SHORT}}}",
            ["inbound.a.rooms.pin_env", "SHORT must hold 4 to 16 digits"],
        ),
        ("inbound: {a: {numbers: ['+44 1632']}}", ["inbound.a.numbers.0"]),
        ("outbound: {a: {address: 'sip:example.com', numbers: ['1']}}", ["outbound.a.address"]),
        (
            "outbound: {a: {address: 'example.com:99999', numbers: ['1']}}",
            ["outbound.a.address", "the port must be from 1 to 65535"],
        ),
        (
            "outbound: {a: {address: 'example.com:0', numbers: ['1']}}",
            ["outbound.a.address", "the port must be from 1 to 65535"],
        ),
        (
            "outbound: {a: {address: sip..example.com, numbers: ['1']}}",
            ["outbound.a.address", "1 to 63 characters between its dots"],
        ),
        (
            f"outbound: {{a: {{address: {'a' * 64}.example.com, numbers: ['1']}}}}",
            ["outbound.a.address", "1 to 63 characters between its dots"],
        ),
        ("outbound: {a: {address: example.com, numbers: []}}", ["outbound.a.numbers"]),
        ("- inbound", ["must hold inbound and outbound"]),
        ("inbound: [", ["is not valid YAML"]),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(TelephonyError) as refused:
        load(tmp_path, text)
    message = str(refused.value)
    assert "\n" not in message
    for part in (str(tmp_path), *parts):
        assert part in message
    assert "secret" not in message


def test_credentials_guard_a_trunk_that_any_address_may_use(tmp_path: Path) -> None:
    trunks = load(tmp_path, "inbound: {a: {username: u, password_env: SIP_PASSWORD}}")
    assert trunks.inbound["a"].password == "correct horse"
    assert "correct horse" not in repr(trunks)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TelephonyError, match="cannot be read"):
        config.load(tmp_path / "none.yaml")
