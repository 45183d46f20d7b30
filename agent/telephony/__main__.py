"""``python -m agent.telephony setup [FILE]``, ``show``, ``remove``, ``attempts``.

The first three are about the trunks of the LiveKit server of LIVEKIT_URL, LIVEKIT_API_KEY and
LIVEKIT_API_SECRET; the last prints who was called.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from livekit import api
from livekit.protocol.sip import SIPDispatchRuleInfo

from agent import settings
from agent.settings import SettingsError

from . import config, provision
from .config import TelephonyError
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
    arguments = parser.parse_args()
    try:
        if arguments.command == "attempts":
            asyncio.run(_attempts(arguments.days))
        elif arguments.command == "setup":
            trunks = config.load(arguments.file)
            asyncio.run(_do(lambda server: provision.setup(server, trunks)))
        else:
            asyncio.run(_do(provision.remove if arguments.command == "remove" else _show))
    except (TelephonyError, SettingsError, LedgerError) as e:
        sys.exit(str(e))


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
