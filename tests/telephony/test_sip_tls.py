"""Calls whose signalling and sound nobody on the way can read: TLS and SRTP, with real phones.

They run where `livekit-sip` and `baresip` are on PATH.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.certificate import MADE, VARIABLE, certificate_of
from harness.recording import SAMPLE_RATE
from harness.softphone import free_port, phone

from .lines import MARKS, Line, open_line, silence, until
from .signalling import caller
from .tones import GREETING, heard

pytestmark = MARKS

TRUNKS = """
inbound: {{open: {{allowed_addresses: [127.0.0.0/8], language: en, encryption: require}}}}
outbound: {{out: {{address: '127.0.0.1:{port}', transport: udp, numbers: ['+44100']}}}}
"""
TLS = free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    folder = tmp_path_factory.mktemp("tls")
    made = certificate_of("127.0.0.1", {VARIABLE: MADE}, folder)
    assert made
    variables = {
        "PARLEY_SIP_CERTIFICATE": str(made.file),
        "PARLEY_SIP_CERTIFICATE_KEY": str(made.key),
        "PARLEY_PORT_SIP_TLS": str(TLS),
    }
    async with open_line(folder, trunks=TRUNKS, **variables) as line:
        yield line


@pytest.mark.parametrize("codec", ["pcmu", "g722"])
async def test_a_call_over_tls_with_srtp_is_greeted(line: Line, tmp_path: Path, codec: str) -> None:
    account = "mediaenc=srtp-mand"
    async with phone(
        tmp_path / "phone", silence(60.0), "+441632960100", codec=codec, account=account
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
    await line.over()
