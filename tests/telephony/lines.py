"""LiveKit's real SIP service, with real phones, before an agent whose engines speak in tones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from livekit import api

from agent.phone_settings import PhoneSettings
from agent.settings import CONFIGS
from agent.stack import Stack
from agent.stack.phone import PHONE_PORTS, phone_stack
from agent.stack.ports import free
from agent.telephony import config
from agent.telephony.ledger import Attempt, Ledger
from agent.telephony.ledger.sqlite_store import SqliteStore
from agent.telephony.outbound import OutboundCall, dispatch_outbound_call
from harness.recording import SAMPLE_RATE, Samples
from harness.softphone import Phone, free_port, phone

from .tones import TONES, Engines, tone

MISSING = [name for name in ("redis-server", "livekit-sip", "baresip") if not shutil.which(name)]
MARKS = [
    pytest.mark.room,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}"),
]
"""The mark for modules whose tests need it."""

LEDGER = "attempts.sqlite3"
TRUNKS = """
inbound: {{open: {{allowed_addresses: [127.0.0.0/8], language: en}}}}
outbound: {{out: {{address: '127.0.0.1:{port}', transport: udp, numbers: ['+44100']}}}}
"""
COLLEAGUE = "+442079460999"
"""Whom the agent can call: a phone where the outbound trunk leads."""
PHONE = {
    "trunk": "out",
    "prefixes": ["+44"],
    "calls_per_minute": 2,
    "tools": ["press_keys", "hold", "transfer_call", "warm_transfer"],
}


@dataclass
class Line:
    """The stack, and what a test wants of it."""

    stack: Stack
    server: api.LiveKitAPI
    engines: Engines
    port: int
    """Where the outbound trunk expects a phone."""
    folder: Path
    """Where the ledger is."""
    idle: int
    """How many processes run when nobody calls."""

    @asynccontextmanager
    async def caller(
        self, folder: Path, microphone: Samples, number: str = "+441632960100"
    ) -> AsyncIterator[Phone]:
        """A phone that has called and was answered."""
        async with phone(folder, microphone, number) as made:
            made.dial(f"sip:100@127.0.0.1:{self.stack.ports['sip']}")
            await made.until("established: ")
            yield made

    @asynccontextmanager
    async def colleague(
        self,
        folder: Path,
        microphone: Samples,
        *,
        picks_up: bool = True,
        account: str = "",
        certificate: Path | None = None,
    ) -> AsyncIterator[Phone]:
        """The phone that the agent's calls reach; it takes them at once, or rings."""
        account += ";answermode=auto" if picks_up else ""
        async with phone(
            folder,
            microphone,
            COLLEAGUE,
            account=account.lstrip(";"),
            port=self.port,
            certificate=certificate,
        ) as made:
            yield made

    async def place_call(self, number: str = COLLEAGUE) -> str:
        """Have the agent call somebody; the name of the room."""
        return await dispatch_outbound_call(
            self.server, OutboundCall(number=number, message="You are alpha.")
        )

    async def rooms(self) -> list[str]:
        """The names of all that are open."""
        found = await self.server.room.list_rooms(api.ListRoomsRequest())
        return [room.name for room in found.rooms]

    async def attempts(self) -> list[Attempt]:
        """What the ledger has of the calls of this test."""
        ledger = Ledger(SqliteStore(self.folder / LEDGER), PhoneSettings())
        try:
            return await ledger.since(3600.0)
        finally:
            await ledger.aclose()

    async def says(self, part: str) -> None:
        """Wait until the agent is about to say something."""
        await until(lambda: part in " ".join(self.engines.said))  # in one unit or in several

    async def over(self) -> None:
        """Wait until with each call its job has ended."""
        async with asyncio.timeout(30):
            while await self.rooms() or len(running()) > self.idle:
                await asyncio.sleep(0.1)

    async def forget(self) -> None:
        """Begin a test without scripts, words and calls of those before."""
        engines = self.engines
        for kept in (engines.calls, engines.results, engines.said, engines.prompts):
            kept.clear()
        with contextlib.closing(sqlite3.connect(self.folder / LEDGER)) as ledger, ledger:
            if ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'attempts'").fetchone():
                ledger.execute("DELETE FROM attempts")


@asynccontextmanager
async def open_line(folder: Path, *, trunks: str = TRUNKS, **variables: str) -> AsyncIterator[Line]:
    """Run all of it.

    Args:
        folder: Where its files are.
        trunks: The trunks, as their file has them; ``{port}`` is that of the phone where the
            outbound trunk leads, ``{tls}`` the same over TLS.
        variables: Environment variables beside those of every line.
    """
    port, ports, engines = free_port(), free(PHONE_PORTS), Engines()
    destinations = {
        "Sales": {"address": f"sip:{COLLEAGUE}@127.0.0.1:{port}"},
        "Support": {"address": COLLEAGUE},
    }
    (folder / "trunks.yaml").write_text(trunks.format(port=port, tls=port + 1))
    async with AsyncExitStack() as exits:
        patch = exits.enter_context(pytest.MonkeyPatch.context())
        url = await exits.enter_async_context(engines.serve())
        for engine in ("LLM", "STT", "TTS"):
            patch.setenv(f"PARLEY_{engine}__BASE_URL", url)
        patch.setenv("PARLEY_SIP_MEDIA_PORTS", "42200-42299")
        patch.setenv("PARLEY_MAX_ROOMS", str(len(TONES)))  # no more than call at once
        settings = PHONE | {
            "destinations": destinations,
            "budget_store": f"sqlite:///{folder / LEDGER}",
        }
        for key, value in settings.items():
            plain = value if isinstance(value, str) else json.dumps(value)
            patch.setenv(f"PARLEY_PHONE__{key.upper()}", plain)
        for name, value in variables.items():
            patch.setenv(name, value)
        # By its path, so that the engines of this machine are not started.
        profile = str(CONFIGS / "phone.yaml")
        known = config.load(folder / "trunks.yaml")
        phones = await exits.enter_async_context(phone_stack(known, ports, profile=profile))
        at = phones.server
        server = await exits.enter_async_context(api.LiveKitAPI(at.url, at.api_key, at.api_secret))
        yield Line(phones, server, engines, port, folder, idle=len(running()))


def words(name: str, speech: Samples) -> Samples:
    """A caller's voice, with their tone under it."""
    return speech // 2 + tone(TONES[name], len(speech) / SAMPLE_RATE, SAMPLE_RATE, level=3000)


def silence(seconds: float) -> Samples:
    """Nothing to hear."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


async def until(condition: Callable[[], object], within: float = 30.0) -> None:
    """Wait for something."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


def running() -> list[psutil.Process]:
    """All that the stack runs: what the tests started, but for the phones and their exchange."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.name() not in ("baresip", "asterisk"):
                found.append(process)
    return found
