"""An Asterisk with the configuration of docs/telephony.md, before LiveKit's real SIP service.

They run where `livekit-sip`, `baresip` and `asterisk` are on PATH.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from livekit import api

from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled
from harness.softphone import free_port

from .conftest import ROOT, program
from .lines import COLLEAGUE, MARKS, Line, open_line, silence, until, words
from .tones import GREETING, TONES, heard

pytestmark = [
    *MARKS,
    pytest.mark.skipif(not shutil.which("asterisk"), reason="not on PATH: asterisk"),
]

RATE = 8000
"""Hz of what Asterisk plays and records here."""
DESK = "200"
PASSWORD = "correct-horse"
HERE = """
[directories]
astetcdir => {0}
astvarlibdir => {0}
astdbdir => {0}
astkeydir => {0}
astspooldir => {0}
astrundir => {0}
astlogdir => {0}
"""
DESK_PHONE = """
[200]
type=endpoint
transport=transport-udp
context=phones
disallow=all
allow=ulaw
aors=200

[200]
type=aor
contact=sip:{number}@127.0.0.1:{port}
"""
CALLERS = """
[callers]
exten => listens,1,Answer()
 same => n,Record({folder}/greeted.wav,0,0,kq)
exten => asks,1,Answer()
 same => n,Wait(6)
 same => n,Playback({folder}/bravo)
 same => n(again),Wait(2)
 same => n,SendDTMF(1)
 same => n,Goto(again)
"""


@dataclass
class Exchange:
    """An Asterisk that runs, and the line that it leads to."""

    line: Line
    folder: Path

    async def command(self, text: str) -> str:
        """What it says to a command."""
        asking = await asyncio.create_subprocess_exec(
            *("asterisk", "-C", str(self.folder / "asterisk.conf"), "-rx", text),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asking.communicate()
        return said.decode(errors="replace")

    async def shows(self, text: str, part: str) -> None:
        """Wait until it says something to a command."""
        async with asyncio.timeout(30):
            while part not in await self.command(text):
                await asyncio.sleep(0.2)


def of_the_docs(*, sip: int, port: int) -> tuple[str, str, str]:
    """``pjsip.conf``, ``extensions.conf`` and the trunks, as the docs have them, on one machine."""
    page = (ROOT / "docs" / "telephony.md").read_text(encoding="utf-8")
    chapter = page.partition("\n## Asterisk\n")[2].partition("\n## ")[0]
    pjsip, extensions = re.findall(r"```ini\n(.*?)```", chapter, re.DOTALL)
    (trunks,) = re.findall(r"```yaml\n(.*?)```", chapter, re.DOTALL)
    pjsip = pjsip.replace("bind=0.0.0.0", f"bind=127.0.0.1:{port}")
    pjsip = pjsip.replace("192.0.2.10:5060", f"127.0.0.1:{sip}").replace("192.0.2.10", "127.0.0.1")
    pjsip = pjsip.replace("THE SAME AS IN SIP_PASSWORD", PASSWORD)
    trunks = trunks.replace("address: 192.0.2.20", f"address: 127.0.0.1:{port}")
    return pjsip, extensions, trunks.replace("192.0.2.20", "127.0.0.1")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    folder, port = tmp_path_factory.mktemp("asterisk"), free_port()
    _, _, trunks = of_the_docs(sip=0, port=port)
    variables = {
        "SIP_PASSWORD": PASSWORD,
        "PARLEY_PHONE__TRUNK": "asterisk",
        "PARLEY_PHONE__DESTINATIONS": json.dumps({"Sales": {"address": DESK}}),
        "PARLEY_PHONE__CALLS_PER_MINUTE": "60",
        "PARLEY_CONDUCT__PHONE_SILENCE": '{"ask_after": 60, "leave_after": 60}',
    }
    line_folder = tmp_path_factory.mktemp("line")
    async with open_line(line_folder, trunks=trunks, **variables) as line:
        pjsip, extensions, _ = of_the_docs(sip=line.stack.ports["sip"], port=port)
        pjsip += DESK_PHONE.format(number=COLLEAGUE, port=line.port)
        (folder / "asterisk.conf").write_text(HERE.format(folder))
        (folder / "modules.conf").write_text("[modules]\nautoload=yes\n")
        (folder / "pjsip.conf").write_text(pjsip)
        (folder / "extensions.conf").write_text(extensions + CALLERS.format(folder=folder))
        async with program("asterisk", "-C", str(folder / "asterisk.conf"), "-f"):
            exchange = Exchange(line, folder)
            await exchange.shows("core waitfullybooted", "fully booted")
            yield exchange


@pytest_asyncio.fixture(loop_scope="session")
async def exchange(started: Exchange) -> AsyncIterator[Exchange]:
    """The same, as if nobody had called yet."""
    await started.line.forget()
    yield started
    await started.command("channel request hangup all")
    await started.line.over()


async def test_an_asterisk_finds_us_there(exchange: Exchange) -> None:
    await exchange.command("pjsip qualify parley")
    await exchange.shows("pjsip show contacts", "Avail")


async def test_who_calls_through_an_asterisk_hears_the_greeting(exchange: Exchange) -> None:
    await exchange.command("channel originate Local/700@phones extension listens@callers")
    file = exchange.folder / "greeted.wav"
    await until(lambda: file.exists() and GREETING in heard(recorded(file), RATE))
    assert (await exchange.command("core show channels")).count("PJSIP/parley-") > 0
    (room,) = await exchange.line.rooms()
    assert room.startswith("call_")


async def test_a_call_that_ends_here_ends_at_the_asterisk(exchange: Exchange) -> None:
    line = exchange.line
    await exchange.command("channel originate Local/700@phones extension listens@callers")
    await line.says("What can I do for you?")
    (room,) = await line.rooms()
    await line.server.room.delete_room(api.DeleteRoomRequest(room=room))
    await exchange.shows("core show channels", "0 active calls")


async def test_the_agent_calls_an_extension(exchange: Exchange, tmp_path: Path) -> None:
    line = exchange.line
    async with line.colleague(tmp_path / "desk", silence(60.0)) as desk:
        await line.place_call(DESK)
        await desk.until("established: ")
        await until(lambda: TONES["alpha"] in heard(desk.heard, SAMPLE_RATE))
        desk.hang_up()
        await line.over()
    (attempt,) = await line.attempts()
    assert (attempt.state, attempt.number) == ("over", "Sales")


async def test_a_caller_is_transferred_by_an_asterisk(
    exchange: Exchange, tmp_path: Path, speech: Samples
) -> None:
    line = exchange.line
    line.engines.calls["bravo"] = ("transfer_call", {"destination": "sales"})
    samples = resampled(words("bravo", speech), SAMPLE_RATE, RATE)
    with wave.open(str(exchange.folder / "bravo.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    async with line.colleague(tmp_path / "desk", silence(60.0)) as desk:
        await exchange.command("channel originate Local/700@phones extension asks@callers")
        await line.says("Shall I put you through to sales?")
        await desk.until("established: ")
        await line.over()  # the agent has left
    (attempt,) = await line.attempts()
    assert (attempt.state, attempt.order) == ("over", "transfer_call")


def recorded(file: Path) -> Samples:
    """What is in a recording that goes on; its header tells the length once it is over."""
    return np.fromfile(file, np.int16, offset=44)
