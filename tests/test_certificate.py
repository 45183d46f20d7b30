"""A certificate for the page: made here, or given."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from agent import certificate
from agent.certificate import Certificate, CertificateError, certificate_of

MADE = {"PARLEY_CERTIFICATE": "made"}
LAN = "192.0.2.7"


def made(folder: Path, address: str = LAN) -> Certificate:
    found = certificate_of(address, MADE, folder)
    assert found
    return found


async def greeting(server: Certificate, trusts: Certificate, name: str) -> bytes:
    """What somebody hears who knows the server by a name and trusts one certificate."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(server.file, server.key)
    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=serving) as listening:
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            port,
            ssl=ssl.create_default_context(cafile=trusts.file),
            server_hostname=name,
        )
        try:
            return await reader.read()
        finally:
            writer.close()


def test_without_a_wish_there_is_none(tmp_path: Path) -> None:
    assert certificate_of(LAN, {}, tmp_path) is None
    assert certificate_of(LAN, {"PARLEY_CERTIFICATE": "none"}, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [LAN, "localhost"])
async def test_one_that_is_made_is_for_this_machine(tmp_path: Path, name: str) -> None:
    assert await greeting(made(tmp_path), made(tmp_path), name) == b"hello"


async def test_in_a_container_it_is_for_the_address_that_browsers_have(tmp_path: Path) -> None:
    wish = {**MADE, "PARLEY_MEDIA_ADDRESS": LAN}
    found = certificate_of("0.0.0.0", wish, tmp_path)
    assert found
    assert await greeting(found, found, LAN) == b"hello"
    assert certificate_of("0.0.0.0", MADE, tmp_path)


async def test_it_is_for_no_other_machine(tmp_path: Path) -> None:
    for name in ("192.0.2.8", "example.org"):
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeting(made(tmp_path), made(tmp_path), name)
    with pytest.raises(ssl.SSLCertVerificationError):
        await greeting(made(tmp_path), made(tmp_path / "of another"), LAN)


def test_it_is_kept_so_that_a_browser_asks_once(tmp_path: Path) -> None:
    first = made(tmp_path).fingerprint
    assert made(tmp_path).fingerprint == first
    assert made(tmp_path, "192.0.2.8").fingerprint != first
    assert made(tmp_path).fingerprint == first
    assert len(list(tmp_path.iterdir())) == 2


def test_only_its_user_can_read_it(tmp_path: Path) -> None:
    assert stat.S_IMODE(made(tmp_path).key.stat().st_mode) == 0o600


def test_it_is_made_anew_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "_DAYS", 29)
    first = made(tmp_path).fingerprint
    monkeypatch.undo()
    second = made(tmp_path).fingerprint
    assert second != first
    assert made(tmp_path).fingerprint == second


def test_one_that_was_damaged_is_made_anew(tmp_path: Path) -> None:
    made(tmp_path).file.write_text("-----BEGIN CERTIFICATE-----\n")
    assert made(tmp_path).fingerprint


def test_it_lasts_no_longer_than_phones_allow(tmp_path: Path) -> None:
    found = certificate._read(made(tmp_path).file)
    lasts = found.not_valid_after_utc - found.not_valid_before_utc
    assert lasts <= datetime.timedelta(days=398)


def test_a_given_one_is_taken_as_it_is(tmp_path: Path) -> None:
    file = made(tmp_path).file
    assert certificate_of(LAN, {"PARLEY_CERTIFICATE": str(file)}) == Certificate(file, file)
    secret, _, public = file.read_text().partition("-----BEGIN CERTIFICATE")
    (tmp_path / "key").write_text(secret)
    (tmp_path / "cert").write_text(f"-----BEGIN CERTIFICATE{public}")
    apart = {
        "PARLEY_CERTIFICATE": str(tmp_path / "cert"),
        "PARLEY_CERTIFICATE_KEY": str(tmp_path / "key"),
    }
    assert certificate_of(LAN, apart) == Certificate(tmp_path / "cert", tmp_path / "key")


def test_the_folder_that_is_made_for_it_is_for_its_user_alone(tmp_path: Path) -> None:
    made(tmp_path / "state")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_where_none_can_be_made_it_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for address, folder in (("localhost", tmp_path), (LAN, tmp_path / "file")):
        with pytest.raises(CertificateError, match=f"made for {address}"):
            certificate_of(address, {"PARLEY_CERTIFICATE": "made"}, folder)


def test_what_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    file = made(tmp_path).file
    key = load_pem_private_key(file.read_bytes(), None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
    )
    (tmp_path / "locked").write_bytes(locked)
    (tmp_path / "words").write_text("no PEM")
    other = made(tmp_path / "of another").file
    for cert, secret in (
        (tmp_path / "nothing", file),
        (file, tmp_path / "nothing"),
        (file, tmp_path / "locked"),
        (file, tmp_path / "words"),
        (tmp_path / "words", file),
        (file, other),
    ):
        given = {"PARLEY_CERTIFICATE": str(cert), "PARLEY_CERTIFICATE_KEY": str(secret)}
        with pytest.raises(CertificateError, match=rf"^PARLEY_CERTIFICATE={cert} and its key "):
            certificate_of(LAN, given)
