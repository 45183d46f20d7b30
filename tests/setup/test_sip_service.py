"""scripts/run_sip.sh takes a SIP service that knows its settings, and says which that is."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from agent.certificate import MADE, VARIABLE, certificate_of
from agent.stack import StackError
from agent.stack.phone import check_certificate, check_ringing, monitor, monitor_port, ports_of
from agent.telephony import config
from agent.telephony.config import InboundTrunk, Trunks

ROOT = Path(__file__).resolve().parents[2]


def check(
    folder: Path,
    *,
    version: str | None,
    docker: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, str]:
    """What the script says where the service tells that version, or there is none."""
    programs = {
        "livekit-sip": version and f"echo '{version}'",
        "docker": "exit 0" if docker else "",
    }
    for name, does in programs.items():
        if does:
            (folder / name).write_text(f"#!/bin/sh\n{does}\n")
            (folder / name).chmod(0o755)
    for name in ("bash", "env", "dirname", "grep", "head", "realpath", "sort"):
        found = next(p for p in os.get_exec_path() if (Path(p) / name).exists())
        (folder / name).symlink_to(Path(found) / name)
    done = subprocess.run(
        [ROOT / "scripts" / "run_sip.sh", "check"],
        env={"PATH": str(folder), **variables}, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("version", ["1.4.0", "v1.4.0", "1.11.0", "1.10.2", "2.0.0", "1.12.0-rc1"])
def test_a_version_that_knows_every_setting_is_taken(tmp_path: Path, version: str) -> None:
    assert check(tmp_path, version=f"SIP version {version}") == (0, "")


@pytest.mark.parametrize("version", ["0.0.1", "1.3.1", "v1.2.0", "1.0.12"])
def test_an_older_one_is_refused_and_both_versions_are_named(tmp_path: Path, version: str) -> None:
    status, said = check(tmp_path, version=f"SIP version {version}", docker=True)
    assert status == 1
    assert version.removeprefix("v") in said
    assert "1.4.0 or newer" in said


@pytest.mark.parametrize("version", ["SIP version 0.0.0-dev", "no such flag"])
def test_one_that_does_not_tell_is_taken_with_a_word(tmp_path: Path, version: str) -> None:
    status, said = check(tmp_path, version=version)
    assert status == 0
    assert "1.4.0 or newer is needed" in said


def test_without_any_it_is_said_what_to_install(tmp_path: Path) -> None:
    status, said = check(tmp_path, version=None)
    assert status == 127
    assert "livekit/sip:v" in said
    assert "1.4.0 or newer" in said


def test_docker_does_in_its_place(tmp_path: Path) -> None:
    assert check(tmp_path, version=None, docker=True) == (0, "")


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("here.pem", "here.pem", None),
        ("here.pem", None, "set both or neither"),
        (None, "here.pem", "set both or neither"),
        ("here.pem", "nowhere.pem", "nowhere.pem"),
        ("folder", "here.pem", "folder"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, certificate: str | None, key: str | None, said: str | None
) -> None:
    files = tmp_path / "files"
    (files / "folder").mkdir(parents=True)
    (files / "here.pem").write_text("a certificate")
    given = {"PARLEY_SIP_CERTIFICATE": certificate, "PARLEY_SIP_CERTIFICATE_KEY": key}
    variables = {name: str(files / file) for name, file in given.items() if file}
    status, told = check(tmp_path, version="SIP version 1.11.0", variables=variables)
    assert status == (0 if said is None else 1)
    assert (said or "") in told


def test_a_certificate_is_loaded_with_its_key_before_anything_starts(tmp_path: Path) -> None:
    made = certificate_of("127.0.0.1", {VARIABLE: MADE}, tmp_path / "one")
    other = certificate_of("127.0.0.1", {VARIABLE: MADE}, tmp_path / "other")
    assert made
    assert other
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("a certificate")
    locked = tmp_path / "locked.pem"
    secret = load_pem_private_key(made.key.read_bytes(), None)
    locked.write_bytes(
        secret.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
        )
    )
    check_certificate({})
    check_certificate(pair(made.file, made.key))
    for file, key in (
        (made.file, other.key),
        (made.file, locked),
        (nonsense, made.key),
        (made.file, nonsense),
        (made.file, tmp_path / "nowhere.pem"),
    ):
        with pytest.raises(StackError, match="PARLEY_SIP_CERTIFICATE=.* cannot be used"):
            check_certificate(pair(file, key))


def pair(certificate: Path, key: Path) -> dict[str, str]:
    return {"PARLEY_SIP_CERTIFICATE": str(certificate), "PARLEY_SIP_CERTIFICATE_KEY": str(key)}


def test_with_a_certificate_the_port_of_tls_is_among_those_that_must_be_free(
    tmp_path: Path,
) -> None:
    assert "PARLEY_PORT_SIP_TLS" not in {port.variable for port in ports_of({})}
    with_one = ports_of(pair(tmp_path, tmp_path))
    assert {port.variable: port.default for port in with_one}["PARLEY_PORT_SIP_TLS"] == 5061


def test_where_calls_are_placed_the_providers_are_watched(tmp_path: Path) -> None:
    file = tmp_path / "trunks.yaml"
    file.write_text("inbound: {pbx: {allowed_addresses: [192.0.2.20]}}")
    nobody = config.load(file)
    file.write_text("outbound: {out: {address: sip.example.com, numbers: ['+441632960961']}}")
    somebody = config.load(file)
    assert "trunks" not in {port.name for port in ports_of({}, nobody)}
    assert {port.name: port.default for port in ports_of({}, somebody)}["trunks"] == 8084


def test_the_monitor_is_what_the_stack_says_and_waits_for_nobody(tmp_path: Path) -> None:
    file = tmp_path / "trunks.yaml"
    file.write_text("inbound: {pbx: {allowed_addresses: [192.0.2.20]}}")
    program = monitor(file, 8084)
    done = subprocess.run(program.command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"There are no outbound trunks in {file}: nobody can be asked.\n"
    assert not program.needed


def test_a_phone_whose_monitor_finds_its_port_taken_is_on_all_the_same() -> None:
    lines = list[str]()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert monitor_port({"trunks": taken}, lines.append) is None
    (line,) = lines
    assert line.startswith("The trunks are not watched: ")
    assert "PARLEY_PORT_TRUNKS" in line
    assert monitor_port({"trunks": taken}, lines.append) == taken
    assert monitor_port({}, lines.append) is None
    assert len(lines) == 1


@pytest.mark.parametrize("password", ["", "0af1", 'it\'s "a" & b/\\c: {d} PORT'])
def test_the_password_of_redis_arrives_as_it_is(tmp_path: Path, password: str) -> None:
    service = tmp_path / "livekit-sip"
    service.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo 1.11.0 || printenv SIP_CONFIG_BODY\n'
    )
    service.chmod(0o755)
    keys = {"LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "secret", "REDIS_PASSWORD": password}
    given = {k: v for k, v in os.environ.items() if not k.startswith(("PARLEY_", "REDIS_"))}
    done = subprocess.run(
        [ROOT / "scripts" / "run_sip.sh"],
        env={**given, **keys, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    found = yaml.safe_load(done.stdout)
    assert found["redis"] == {"address": "127.0.0.1:6379", "password": password}
    assert found["sip_port"] == 5060


@pytest.mark.parametrize(
    ("trunk", "house", "right"), [(60, 20, True), (25, 20, True), (20, 20, False), (60, 170, False)]
)
def test_livekit_lets_callers_ring_for_longer_than_a_full_house(
    trunk: int, house: float, right: bool
) -> None:
    trunks = Trunks(
        inbound={"office": InboundTrunk(allowed_addresses=[ip_network("127.0.0.0/8")], ring=trunk)}
    )
    if right:
        check_ringing(trunks, house)
        return
    with pytest.raises(StackError, match=r"inbound\.office\.ring .* phone\.full_house\.ring"):
        check_ringing(trunks, house)
