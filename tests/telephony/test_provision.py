"""Trunks and rules in a real livekit-server: created, changed, left alone, removed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from livekit import api
from livekit.protocol.sip import SIPInboundTrunkInfo

from agent.stack import Server
from agent.stack.stack import ROOT
from agent.telephony import config, provision
from agent.telephony.server import connect

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

FILE = """
inbound:
  office:
    numbers: ["+441632960961", "+441632960962"]
    allowed_addresses: [203.0.113.7, 198.51.100.0/24]
    username: parley
    password_env: SIP_PASSWORD
    language: zh
    ring: 40
    asserted: true
    rooms: {per: number, prefix: desk, pin_env: SIP_PIN}
  local:
    allowed_addresses: [127.0.0.0/8]
outbound:
  provider:
    address: sip.example.com:5061
    transport: tls
    encryption: require
    numbers: ["+441632960961"]
    username: parley
    password_env: SIP_PASSWORD
"""


@pytest.fixture
def livekit(server: Server, redis: str | None) -> Server:
    """A livekit-server that keeps trunks."""
    if redis is None:
        pytest.skip("redis-server is not installed: LiveKit keeps no trunks without it")
    return server


@pytest_asyncio.fixture(loop_scope="session")
async def sip(livekit: Server) -> AsyncIterator[api.LiveKitAPI]:
    """Its interface."""
    async with connect(livekit.url, livekit.api_key, livekit.api_secret) as server:
        yield server


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIP_PASSWORD", "correct horse")
    monkeypatch.setenv("SIP_PIN", "2468")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _clean(sip: api.LiveKitAPI) -> AsyncIterator[None]:
    yield
    await provision.remove(sip)


def trunks(tmp_path: Path, text: str = FILE) -> config.Trunks:
    file = tmp_path / "trunks.yaml"
    file.write_text(text)
    return config.load(file)


def outcomes(changes: list[provision.Change]) -> dict[str, str]:
    return {f"{change.kind} {change.name}": change.outcome for change in changes}


EVERYTHING = (
    "inbound trunk office",
    "inbound trunk local",
    "dispatch rule office",
    "dispatch rule local",
    "outbound trunk provider",
)


async def test_what_the_file_says_is_what_livekit_has(sip: api.LiveKitAPI, tmp_path: Path) -> None:
    changes = await provision.setup(sip, trunks(tmp_path))
    assert outcomes(changes) == dict.fromkeys(EVERYTHING, "created")

    found = await provision.existing(sip)
    office, local = sorted(found.inbound, key=lambda trunk: trunk.name, reverse=True)
    assert [*office.numbers] == ["+441632960961", "+441632960962"]
    assert [*office.allowed_addresses] == ["203.0.113.7/32", "198.51.100.0/24"]
    assert (office.auth_username, office.auth_password) == ("parley", "correct horse")
    assert office.max_call_duration.seconds == 3600 + provision.GRACE
    assert (office.ringing_timeout.seconds, local.ringing_timeout.seconds) == (40, 60)
    assert [*local.allowed_addresses] == ["127.0.0.0/8"]
    assert local.auth_username == ""
    assert set(office.headers_to_attributes) == {"P-Asserted-Identity", "Privacy"}
    assert not local.headers_to_attributes

    rules = {rule.name: rule for rule in found.rules}
    desk = rules["office"].rule.dispatch_rule_callee
    assert (desk.room_prefix, desk.pin, desk.randomize) == ("desk", "2468", False)
    assert [*rules["office"].trunk_ids] == [office.sip_trunk_id]
    assert rules["office"].attributes == {
        "parley.trunk": "office",
        "parley.language": "zh",
        "parley.max_minutes": "60",
    }
    calls = rules["local"].rule.dispatch_rule_callee
    assert (calls.room_prefix, calls.pin, calls.randomize) == ("call", "", True)
    assert [*rules["local"].trunk_ids] == [local.sip_trunk_id]

    (provider,) = found.outbound
    assert provider.address == "sip.example.com:5061"
    assert provider.transport == api.SIPTransport.SIP_TRANSPORT_TLS
    assert provider.media_encryption == api.SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE


async def test_a_second_run_changes_nothing(sip: api.LiveKitAPI, tmp_path: Path) -> None:
    first = await provision.setup(sip, trunks(tmp_path))
    before = await provision.existing(sip)
    second = await provision.setup(sip, trunks(tmp_path))
    assert outcomes(second) == dict.fromkeys(EVERYTHING, "unchanged")
    assert [change.id for change in second] == [change.id for change in first]
    assert await provision.existing(sip) == before


async def test_a_change_keeps_the_id_and_touches_nothing_else(
    sip: api.LiveKitAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await provision.setup(sip, trunks(tmp_path))
    monkeypatch.setenv("SIP_PASSWORD", "battery staple")
    text = FILE.replace("prefix: desk", "prefix: hall")
    second = await provision.setup(sip, trunks(tmp_path, text))
    assert outcomes(second) == {
        "inbound trunk office": "changed",
        "inbound trunk local": "unchanged",
        "dispatch rule office": "changed",
        "dispatch rule local": "unchanged",
        "outbound trunk provider": "changed",
    }
    assert [change.id for change in second] == [change.id for change in first]
    found = await provision.existing(sip)
    assert {trunk.auth_password for trunk in found.inbound} == {"battery staple", ""}


async def test_who_calls_an_unknown_number_is_refused_at_once(
    sip: api.LiveKitAPI, tmp_path: Path
) -> None:
    numbers = FILE.replace("  local:\n", '  local:\n    numbers: ["100"]\n')
    told = outcomes(await provision.setup(sip, trunks(tmp_path, numbers)))
    refuses = f"inbound trunk {provision.UNKNOWN}"
    assert told == dict.fromkeys((*EVERYTHING, refuses), "created")
    found = await provision.existing(sip)
    (trunk,) = (each for each in found.inbound if each.name == provision.UNKNOWN)
    assert not trunk.numbers
    assert trunk.auth_password
    assert [*trunk.allowed_addresses] == ["127.0.0.0/8", "198.51.100.0/24", "203.0.113.7/32"]
    assert not any(trunk.sip_trunk_id in rule.trunk_ids for rule in found.rules)
    told = outcomes(await provision.setup(sip, trunks(tmp_path, numbers)))
    assert set(told.values()) == {"unchanged"}
    # One that takes every number has no unknown ones, and LiveKit no room for both.
    assert outcomes(await provision.setup(sip, trunks(tmp_path)))[refuses] == "removed"


async def test_no_number_is_unknown_where_another_trunk_takes_all(
    sip: api.LiveKitAPI, tmp_path: Path
) -> None:
    theirs = await sip.sip.create_inbound_trunk(
        api.CreateSIPInboundTrunkRequest(
            trunk=SIPInboundTrunkInfo(name="all", allowed_addresses=["192.0.2.0/24"])
        )
    )
    try:
        text = 'inbound: {office: {numbers: ["100"], allowed_addresses: [203.0.113.7]}}'
        told = outcomes(await provision.setup(sip, trunks(tmp_path, text)))
        assert told == dict.fromkeys(("inbound trunk office", "dispatch rule office"), "created")
    finally:
        await sip.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=theirs.sip_trunk_id))


async def test_a_number_may_move_to_another_name(sip: api.LiveKitAPI, tmp_path: Path) -> None:
    await provision.setup(sip, trunks(tmp_path))
    moved = await provision.setup(sip, trunks(tmp_path, FILE.replace("office:", "shop:")))
    told = outcomes(moved)
    assert told["inbound trunk office"] == told["dispatch rule office"] == "removed"
    assert told["inbound trunk shop"] == told["dispatch rule shop"] == "created"


async def test_what_others_have_made_is_left_alone(sip: api.LiveKitAPI, tmp_path: Path) -> None:
    theirs = await sip.sip.create_inbound_trunk(
        api.CreateSIPInboundTrunkRequest(
            trunk=SIPInboundTrunkInfo(name="office", numbers=["+441632960999"])
        )
    )
    try:
        await provision.setup(sip, trunks(tmp_path))
        gone = await provision.remove(sip)
        assert outcomes(gone) == dict.fromkeys(EVERYTHING, "removed")
        found = await provision.existing(sip)
        assert [trunk.sip_trunk_id for trunk in found.inbound] == [theirs.sip_trunk_id]
        assert found.outbound == found.rules == []
    finally:
        await sip.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=theirs.sip_trunk_id))


async def command(livekit: Server, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    """Run the command line; returns its exit status and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.telephony", *arguments),
        cwd=ROOT,
        env={
            **os.environ,
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.api_key,
            "LIVEKIT_API_SECRET": livekit.api_secret,
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode().splitlines()


async def test_the_command_sets_up_shows_and_removes(livekit: Server, tmp_path: Path) -> None:
    trunks(tmp_path)  # writes the file
    status, lines = await command(livekit, "setup", str(tmp_path / "trunks.yaml"))
    assert status == 0
    assert len(lines) == 5
    assert lines[0].startswith("inbound trunk office: created (ST_")
    status, lines = await command(livekit, "show")
    assert status == 0
    shown = "\n".join(lines)
    assert "+441632960961, +441632960962 from 203.0.113.7/32, 198.51.100.0/24" in shown
    assert "rooms desk_CALLED, with a PIN" in shown
    assert "correct horse" not in shown
    assert "2468" not in shown
    status, lines = await command(livekit, "remove")
    assert (status, len(lines)) == (0, 5)
    assert await command(livekit, "show") == (0, ["There are no trunks and no rules."])


async def test_a_server_that_is_not_there_is_one_sentence(livekit: Server) -> None:
    status, lines = await command(livekit, "show", LIVEKIT_URL="ws://127.0.0.1:9")
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("LiveKit cannot be reached: ")


async def test_a_wrong_key_is_one_sentence(livekit: Server) -> None:
    status, lines = await command(livekit, "show", LIVEKIT_API_SECRET="x" * 40)
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("LiveKit refuses: ")
