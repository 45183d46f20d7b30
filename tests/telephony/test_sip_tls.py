"""Calls whose signalling and sound nobody on the way can read: TLS and SRTP, with real phones.

They run where `livekit-sip` and `baresip` are on PATH.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.certificate import MADE, VARIABLE, Certificate, certificate_of
from harness.recording import SAMPLE_RATE
from harness.softphone import free_port, phone

from .lines import MARKS, Line, open_line, silence, until
from .signalling import caller
from .tones import GREETING, TONES, heard

pytestmark = MARKS

TRUNKS = """
inbound: {{open: {{allowed_addresses: [127.0.0.0/8], language: en, encryption: require}}}}
outbound:
  out: {{address: '127.0.0.1:{tls}', transport: tls, encryption: require, numbers: ['+44100']}}
"""
TLS = free_port()
SRTP = "mediaenc=srtp-mand"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that this machine takes for one of a known authority."""
    return made(tmp_path_factory.mktemp("known"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secured(
    tmp_path_factory: pytest.TempPathFactory, known: Certificate
) -> AsyncIterator[Line]:
    variables = {
        "PARLEY_SIP_CERTIFICATE": str(known.file),
        "PARLEY_SIP_CERTIFICATE_KEY": str(known.key),
        "PARLEY_PORT_SIP_TLS": str(TLS),
        "PARLEY_PHONE__CALLS_PER_MINUTE": "60",
        # Whom LiveKit's service, a program in Go, believes at the other end.
        "SSL_CERT_FILE": str(known.file),
    }
    async with open_line(tmp_path_factory.mktemp("tls"), trunks=TRUNKS, **variables) as line:
        yield line


@pytest_asyncio.fixture(loop_scope="session")
async def line(secured: Line) -> AsyncIterator[Line]:
    """The same, as if nobody had called yet."""
    await secured.forget()
    yield secured
    await secured.over()


@pytest.mark.parametrize("codec", ["pcmu", "g722"])
async def test_a_call_over_tls_with_srtp_is_greeted(line: Line, tmp_path: Path, codec: str) -> None:
    async with phone(
        tmp_path / "phone", silence(60.0), "+441632960100", codec=codec, account=SRTP
    ) as caller:
        caller.dial(f"sip:100@127.0.0.1:{TLS};transport=tls")
        await caller.until("established: ")
        await until(lambda: GREETING in heard(caller.heard, SAMPLE_RATE))
        assert "SRTP is Enabled" in caller.log
        caller.hang_up()
        await line.over()  # of which the service learns by BYE alone


async def test_a_call_without_srtp_is_refused_where_the_trunk_requires_it(line: Line) -> None:
    async with caller(line.stack.ports["sip"]) as who:
        who.invite()
        await who.until(lambda: any(status >= 300 for status in who.statuses))
        assert 200 not in who.statuses


async def test_a_call_is_placed_over_tls_with_srtp(
    line: Line, tmp_path: Path, known: Certificate
) -> None:
    async with line.colleague(
        tmp_path / "callee", silence(60.0), account=SRTP, certificate=in_one(known, tmp_path)
    ) as callee:
        await line.place_call()
        await callee.until("established: ")
        await until(lambda: TONES["alpha"] in heard(callee.heard, SAMPLE_RATE))
        assert "SRTP is Enabled" in callee.log
        callee.hang_up()
        await line.over()
    (attempt,) = await line.attempts()
    assert attempt.state == "over"


@pytest.mark.parametrize(
    ("lacks", "why"),
    [("srtp", "Not Acceptable Here"), ("tls", "no answer"), ("authority", "no answer")],
)
async def test_nobody_is_called_who_can_be_listened_to_or_posed_as(
    line: Line, tmp_path: Path, known: Certificate, lacks: str, why: str
) -> None:
    certificate = made(tmp_path) if lacks == "authority" else known
    async with line.colleague(
        tmp_path / "callee",
        silence(60.0),
        account="" if lacks == "srtp" else SRTP,
        certificate=None if lacks == "tls" else in_one(certificate, tmp_path),
    ) as callee:
        await line.place_call()
        await line.over()
        assert "established" not in callee.log
    (attempt,) = await line.attempts()
    assert (attempt.state, attempt.reason, attempt.why) == ("failed", "unreachable", why)
    assert attempt.answered_at is None


def made(folder: Path) -> Certificate:
    """A new certificate for this machine."""
    certificate = certificate_of("127.0.0.1", {VARIABLE: MADE}, folder)
    assert certificate
    return certificate


def in_one(certificate: Certificate, folder: Path) -> Path:
    """A certificate and its key in one file, as baresip wants them."""
    file = folder / "both.pem"
    file.write_text(certificate.file.read_text() + certificate.key.read_text())
    return file
