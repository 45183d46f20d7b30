"""``python -m agent.telephony setup [FILE]``, ``show``, ``remove``, ``attempts``, ``health``.

The first three are about the trunks of the LiveKit server of LIVEKIT_URL, LIVEKIT_API_KEY and
LIVEKIT_API_SECRET; the fourth prints who was called, the last whether the providers answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from livekit import api
from livekit.agents.telemetry.http_server import HttpServer
from livekit.protocol.sip import SIPDispatchRuleInfo

from agent import settings
from agent.serving import port_of
from agent.settings import SettingsError

from . import config, provision, trunk_health
from .config import OutboundTrunk, TelephonyError
from .ledger import DAY, LedgerError, open_ledger
from .server import connect


def main() -> None:
    """Do what is asked, or end with one sentence."""
    parser = argparse.ArgumentParser(prog="python -m agent.telephony")
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="make the server's trunks and rules match FILE")
    setup.add_argument("file", nargs="?", type=Path, default=config.DEFAULT, metavar="FILE")
    commands.add_parser("show", help="list the server's trunks and rules, all of them")
    commands.add_parser("remove", help="remove those that setup made")
    attempts = commands.add_parser(
        "attempts", help="print each attempt to call somebody, as a line of JSON"
    )
    attempts.add_argument("--days", type=int, default=1, help="of the last so many days (1)")
    health = commands.add_parser(
        "health",
        help="ask the providers of FILE whether they are there; ends with 1 unless all is well",
    )
    health.add_argument("file", nargs="?", type=Path, default=config.DEFAULT, metavar="FILE")
    health.add_argument(
        "--every",
        type=_seconds,
        metavar="SECONDS",
        help="go on asking, and serve what comes to Prometheus at PARLEY_PORT_TRUNKS (8084)",
    )
    arguments = parser.parse_args()
    try:
        if arguments.command == "health":
            providers = config.load(arguments.file).outbound
            if arguments.every is None:
                sys.exit(asyncio.run(_healthy(providers)))
            if not providers:
                # No failure: whoever runs it would start it again and again.
                print(f"There are no outbound trunks in {arguments.file}: nobody can be asked.")
                return
            port = port_of("PARLEY_PORT_TRUNKS", 8084)
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(_serve(providers, port, arguments.every))
            return
        if arguments.command == "attempts":
            asyncio.run(_attempts(arguments.days))
        elif arguments.command == "setup":
            trunks = config.load(arguments.file)
            asyncio.run(_do(lambda server: provision.setup(server, trunks)))
        else:
            asyncio.run(_do(provision.remove if arguments.command == "remove" else _show))
    except (TelephonyError, SettingsError, LedgerError) as e:
        sys.exit(str(e))


def _seconds(written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 1.0 <= seconds <= 86_400.0:
        raise argparse.ArgumentTypeError(f"{written!r} is not a number of seconds from 1 to 86400")
    return seconds


async def _healthy(trunks: Mapping[str, OutboundTrunk]) -> int:
    found = await trunk_health.look(trunks)
    for health in found:
        print(health)
    if not found:
        print("There are no outbound trunks.")
    return 0 if all(health.up and not health.other_name for health in found) else 1


async def _serve(trunks: Mapping[str, OutboundTrunk], port: int, every: float) -> None:
    host = os.environ.get("PARLEY_ADDRESS", "127.0.0.1")
    server = HttpServer(host, port)
    try:
        await server.start()
    except OSError as e:
        sys.exit(f"PARLEY_PORT_TRUNKS = {port} cannot be used ({e.strerror}): set another port.")
    async with contextlib.aclosing(server):
        print(f"Metrics: http://{host}:{server.port}/metrics", flush=True)
        # Nothing else is awaited: if it fails the program ends, rather than serve what was once so.
        await trunk_health.keep_asking(trunks, every)


async def _attempts(days: int) -> None:
    ledger = open_ledger(settings.load())
    try:
        for attempt in await ledger.since(days * DAY):
            print(attempt.written())
    finally:
        await ledger.aclose()


async def _do(work: Callable[[api.LiveKitAPI], Awaitable[Sequence[object]]]) -> None:
    async with connect() as server:
        for line in await work(server):
            print(line)


async def _show(server: api.LiveKitAPI) -> list[str]:
    found = await provision.existing(server)
    lines = [
        f"inbound trunk {trunk.name} ({trunk.sip_trunk_id}): {_list(trunk.numbers, 'any number')} "
        f"from {_list(trunk.allowed_addresses, 'any address')}, {_login(trunk.auth_username)}"
        for trunk in found.inbound
    ]
    lines += [
        f"outbound trunk {trunk.name} ({trunk.sip_trunk_id}): {trunk.address}, "
        f"from {_list(trunk.numbers, 'no number')}, {_login(trunk.auth_username)}"
        for trunk in found.outbound
    ]
    lines += [
        f"dispatch rule {rule.name} ({rule.sip_dispatch_rule_id}): "
        f"{_list(rule.trunk_ids, 'whoever finds the port')} to {_rooms(rule)}"
        for rule in found.rules
    ]
    return lines or ["There are no trunks and no rules."]


def _list(items: Iterable[str], none: str) -> str:
    return ", ".join(items) or none


def _login(username: str) -> str:
    return f"as {username} with a password" if username else "no password"


def _rooms(info: SIPDispatchRuleInfo) -> str:
    rule = info.rule
    if rule.HasField("dispatch_rule_direct"):
        rooms, pin = f"room {rule.dispatch_rule_direct.room_name}", rule.dispatch_rule_direct.pin
    elif rule.HasField("dispatch_rule_individual"):
        individual = rule.dispatch_rule_individual
        rooms, pin = f"rooms {individual.room_prefix}_CALLER_…", individual.pin
    else:
        callee = rule.dispatch_rule_callee
        rooms = f"rooms {callee.room_prefix}_CALLED{'_…' if callee.randomize else ''}"
        pin = callee.pin
    return f"{rooms}, with a PIN" if pin else rooms


if __name__ == "__main__":
    main()
