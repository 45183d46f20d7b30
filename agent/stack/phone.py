"""Everything on this machine, to be called by phone: ``python -m agent.stack.phone``.

What ``make demo`` starts, with Redis and LiveKit's SIP service beside it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from agent import settings
from agent.certificate import Certificate
from agent.models import ModelError, locate
from agent.state import state_folder
from agent.store_address import file_address
from agent.telephony import config, provision
from agent.telephony.config import TelephonyError, Trunks
from agent.telephony.server import connect

from . import ports as port_table
from .observe import watched
from .placement import place
from .ports import LOOPBACK, PORTS, Port, PortError
from .readiness import StackError, wait_ready
from .stack import ROOT, Stack
from .supervision import Program, Supervisor
from .terminal import say, until_stopped

PHONE_PORTS = (*PORTS, Port("redis", 6379, "Redis"), Port("sip", 5060, "calls by phone"))
TLS_PORT = Port("sip_tls", 5061, "calls by phone over TLS")
"""Used where there is a certificate."""
MONITOR_PORT = Port("trunks", 8084, "the monitor of the trunks")
"""Used where calls are placed through a provider."""
_CERTIFICATE = "PARLEY_SIP_CERTIFICATE", "PARLEY_SIP_CERTIFICATE_KEY"
"""Variables with the files of the certificate of calls over TLS, and of its key."""
_REDIS_SECONDS = 30.0
_EVERY = "30"
"""Seconds after which the providers are asked again."""
_LOOKED = 5.0
"""Seconds that an agent server may take to see to a caller who has rung for long enough."""


def redis(port: int) -> Program:
    """A Redis that keeps nothing on disk: what it holds is made anew at every start."""
    return Program(
        name="redis",
        what="Redis",
        command=[
            *("redis-server", "--bind", LOOPBACK, "--port", str(port)),
            *("--save", "", "--appendonly", "no"),
        ],
        listens=(LOOPBACK, port),
    )


def check() -> None:
    """Make sure that Redis and the SIP service can be started.

    Raises:
        StackError: One is not installed, or the certificate cannot be used; the text says what to
            do.
    """
    if not shutil.which("redis-server"):
        raise StackError("redis-server is not installed: apt-get install redis-server.")
    found = subprocess.run(["scripts/run_sip.sh", "check"], cwd=ROOT, stderr=subprocess.PIPE)
    told = found.stderr.decode().strip()
    if found.returncode:
        raise StackError(told)
    if told:
        say(told)
    check_certificate()


def check_certificate(environment: Mapping[str, str] = os.environ) -> None:
    """Make sure that the certificate of calls over TLS, if there is one, goes with its key.

    Args:
        environment: Where the variables are; their files are relative to the project's folder.

    Raises:
        StackError: It does not; the text says what to do.
    """
    file, key = (environment.get(name) for name in _CERTIFICATE)
    if not (file and key):
        return
    try:
        Certificate(ROOT / file, ROOT / key).load()
    except (OSError, ValueError) as e:
        raise StackError(
            f"{_CERTIFICATE[0]}={file} and {_CERTIFICATE[1]}={key} cannot be used ({e}): give a "
            "certificate in PEM and the key that it was made with, which has no password."
        ) from e


def ports_of(
    environment: Mapping[str, str] = os.environ, trunks: Trunks | None = None
) -> tuple[Port, ...]:
    """The ports that are used.

    Args:
        environment: Says whether there is a certificate, and with it calls over TLS.
        trunks: Of these the outbound ones are watched; none if None.
    """
    secured = (TLS_PORT,) if environment.get(_CERTIFICATE[0]) else ()
    monitored = (MONITOR_PORT,) if trunks and trunks.outbound else ()
    return (*PHONE_PORTS, *secured, *monitored)


def monitor(file: Path, port: int) -> Program:
    """What asks the providers of the outbound trunks, again and again, whether they are there.

    Args:
        file: The trunks.
        port: Where Prometheus finds what came.
    """
    return Program(
        name="trunks",
        what="the monitor of the trunks",
        command=[
            *(sys.executable, "-m", "agent.telephony", "health", str(file.resolve())),
            *("--every", _EVERY),
        ],
        health=f"http://{LOOPBACK}:{port}/metrics",
        environment={"PARLEY_ADDRESS": LOOPBACK},
        needed=False,  # calls go on while nobody watches the trunks
    )


def monitor_port(numbers: Mapping[str, int], on_line: Callable[[str], None] = say) -> int | None:
    """Where the monitor is to be found; None if there is nothing to watch, or its port is taken.

    Args:
        numbers: Port numbers by name, as in :func:`ports_of`.
        on_line: Called with the line that says why the trunks are not watched.
    """
    try:
        port_table.check(numbers, ports=[MONITOR_PORT])
    except PortError as e:
        on_line(f"The trunks are not watched: {e}")
        return None
    return numbers.get(MONITOR_PORT.name)


def check_ringing(trunks: Trunks, ring: float) -> None:
    """Make sure that LiveKit lets callers ring for as long as a full house wants them to.

    Args:
        trunks: The trunks.
        ring: ``phone.full_house.ring``.

    Raises:
        StackError: One gives up before; the text says what to do.
    """
    for name, trunk in trunks.inbound.items():
        if trunk.ring < ring + _LOOKED:
            raise StackError(
                f"inbound.{name}.ring of the trunks is {trunk.ring} s and phone.full_house.ring of "
                f"the profile {ring:g}: callers would be given up before they learn that every "
                f"place is taken. Make the first {_LOOKED:g} s more than the second."
            )


@asynccontextmanager
async def phone_stack(
    trunks: Trunks,
    ports: Mapping[str, int] | None = None,
    *,
    profile: str = "phone",
    address: str = LOOPBACK,
    standby: bool = False,
    engine_key: str | None = None,
    beside: Sequence[Program] = (),
    on_line: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Stack]:
    """Run all of it, with the trunks set up.

    Args:
        trunks: The trunks, which say who may call.
        ports: Port numbers by name, as in :func:`ports_of`; free ones when not given.
        profile: The agent's profile, as for :class:`agent.stack.Stack`.
        address: Where calls are taken: an address of this machine.
        standby: As for :class:`agent.stack.Stack`.
        engine_key: As for :class:`agent.stack.Stack`.
        beside: As for :class:`agent.stack.Stack`.
        on_line: Called with one line for each thing worth telling a person.

    Raises:
        StackError, TelephonyError: Something does not start or is refused.
    """
    check_ringing(trunks, settings.load(profile).phone.full_house.ring)
    numbers = dict(ports or port_table.free(ports_of()))
    store = redis(numbers["redis"])
    service = Program(
        name="sip",
        what="LiveKit's SIP service",
        command=["scripts/run_sip.sh"],
        listens=(address, numbers["sip"]),
    )
    stack = Stack(
        numbers,
        profile=profile,
        standby=standby,
        beside=[service, *beside],
        engine_key=engine_key,
        environment={
            "PARLEY_PHONE__BUDGET_STORE": _ledger(profile),
            "REDIS_HOST": f"{LOOPBACK}:{numbers['redis']}",
            "REDIS_PASSWORD": "",  # it may be set for another Redis
            "PARLEY_SIP_ADDRESS": address,
        },
        on_line=on_line,
    )
    # First and by itself: LiveKit ends at once when it finds no Redis.
    keeper = Supervisor(
        [store], environment=os.environ, folder=ROOT, logs=stack.logs / "redis", on_line=on_line
    )
    async with keeper:
        await wait_ready(keeper, [store], on_line=on_line, within=_REDIS_SECONDS)
        await stack.introduce()
        async with stack:
            at = stack.server
            async with connect(at.url, at.api_key, at.api_secret) as server:
                for change in await provision.setup(server, trunks):
                    on_line(str(change))
            yield stack


def _ledger(profile: str) -> str:
    """Where calls are counted: in the user's own folder, for the stack's ends with it."""
    set_up = settings.load(profile)
    kept = set_up.phone.budget_store or set_up.history_store
    return kept or file_address(state_folder() / "attempts.sqlite3")


async def _run(file: Path) -> None:
    check()
    trunks = config.load(file)
    numbers = port_table.chosen(ports_of(trunks=trunks))
    profile = os.environ.get("PARLEY_PROFILE") or "phone"
    placement = place(settings.load(profile), numbers)
    port_table.check(numbers, ports=placement.ports(ports_of()))
    at = monitor_port(numbers)
    for role in (*placement.roles, "web"):
        locate(role)
    address = os.environ.get("PARLEY_SIP_ADDRESS", LOOPBACK)
    async with phone_stack(
        trunks,
        numbers,
        profile=profile,
        address=address,
        standby=True,
        engine_key=secrets.token_urlsafe(32),
        beside=[monitor(file, at)] if at else [],
        on_line=say,
    ) as stack:
        with ExitStack() as running:
            if at:
                running.enter_context(watched(MONITOR_PORT.name, at))
            say(f"\n  Call sip:100@{address}:{numbers['sip']}. Ctrl-C stops everything.\n")
            await stack.run()


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    file = Path(os.environ.get("PARLEY_TRUNKS", config.DEFAULT))
    try:
        asyncio.run(until_stopped(_run(file)))
    except (PortError, ModelError, StackError, TelephonyError, settings.SettingsError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
