"""HTTPS for a page that others open: beyond this machine browsers give a microphone to no other.

A certificate that is made here is signed by nobody, so a browser asks its user once whether to go
on. It is kept, so that it asks no more.
"""

from __future__ import annotations

import datetime
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .origin import MEDIA_ADDRESS
from .state import state_folder

VARIABLE = "PARLEY_CERTIFICATE"
"""Environment variable: a PEM file, :data:`MADE` or :data:`NONE`."""
KEY_VARIABLE = "PARLEY_CERTIFICATE_KEY"
"""Environment variable: the PEM file of its key, if that is not in the same file."""

MADE = "made"
"""A certificate is made here."""
NONE = "none"
"""The page is served by HTTP."""

_DAYS = 365  # iOS trusts none of more than 825 days, whoever installs it
_RENEWED = datetime.timedelta(days=30)  # before its end, so that it does not end in a conversation


class CertificateError(Exception):
    """There is no HTTPS with what was given; the text says why."""


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files."""

    file: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """Its SHA-256, written as browsers show it."""
        digest = _read(self.file).fingerprint(hashes.SHA256())
        return digest.hex(":").upper()

    def load(self) -> None:
        """Make sure that a server can use it.

        Raises:
            OSError, ValueError: It cannot be read, has another key, or a key with a password.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key, password=_no_password)


def certificate_of(
    listens: str, environment: Mapping[str, str] = os.environ, folder: Path | None = None
) -> Certificate | None:
    """The certificate with which the page is served; None for HTTP.

    Args:
        listens: The address that it listens on. One is made for it, or for
            :data:`~agent.origin.MEDIA_ADDRESS` where that is set.
        environment: Where the variables are.
        folder: Where one that is made is kept; that of :func:`agent.state.state_folder` if None.

    Raises:
        CertificateError: What was given cannot be used.
    """
    given = environment.get(VARIABLE) or NONE
    if given == NONE:
        return None
    if given == MADE:
        address = environment.get(MEDIA_ADDRESS) or listens
        try:
            return _made(address, folder or state_folder())
        except (OSError, ValueError) as e:
            raise CertificateError(f"No certificate can be made for {address}: {e}.") from e
    found = Certificate(Path(given), Path(environment.get(KEY_VARIABLE) or given))
    try:
        found.load()
    except (OSError, ValueError) as e:
        raise CertificateError(
            f"{VARIABLE}={given} and its key {found.key} cannot be used ({e}): give PEM files, the "
            f"key without a password, or `{MADE}` for a certificate that is made here."
        ) from e
    return found


def _no_password() -> str:
    raise ValueError("the key has a password")


def _made(address: str, folder: Path) -> Certificate:
    names = _names(address)
    file = folder / f"certificate-{address.replace(':', '-')}.pem"
    if not _serves(file, names):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # what else is kept there is private
        # In one step, for no other program is to find a half of it.
        part = file.with_suffix(f".{os.getpid()}")
        part.touch(mode=0o600)
        part.write_bytes(_make(names))
        part.replace(file)
    return Certificate(file, file)


def _names(address: str) -> list[x509.GeneralName]:
    """What a browser may call this machine: its address, and its name on a home's network."""
    host = socket.gethostname().partition(".")[0]
    called = [x509.DNSName(name) for name in ("localhost", host, f"{host}.local")]
    figures = ip_address(address)
    return [*called, *([] if figures.is_unspecified else [x509.IPAddress(figures)])]


def _serves(file: Path, names: list[x509.GeneralName]) -> bool:
    try:
        found = _read(file)
    except (OSError, ValueError):
        return False
    held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return list(held) == names and left > _RENEWED


def _make(names: list[x509.GeneralName]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Parley on this network")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # a phone's clock may be behind
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        # Whoever installs it on a phone trusts this server with it, and no other in its name.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + made.public_bytes(Encoding.PEM)


def _read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())
