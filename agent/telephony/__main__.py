"""``python -m agent.telephony setup [FILE]``, ``show``, ``remove``: the trunks of a LiveKit server.

The server is the one of LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from livekit import api
from livekit.protocol.sip import SIPDispatchRuleInfo

from . import config, provision
from .config import TelephonyError
from .server import connect


def main() -> None:
    """Do what is asked, or end with one sentence."""
    parser = argparse.ArgumentParser(prog="python -m agent.telephony")
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="make the server's trunks and rules match FILE")
    setup.add_argument("file", nargs="?", type=Path, default=config.DEFAULT, metavar="FILE")
    commands.add_parser("show", help="list the server's trunks and rules, all of them")
    commands.add_parser("remove", help="remove those that setup made")
    arguments = parser.parse_args()
    try:
        if arguments.command == "setup":
            trunks = config.load(arguments.file)
            asyncio.run(_do(lambda server: provision.setup(server, trunks)))
        else:
            asyncio.run(_do(provision.remove if arguments.command == "remove" else _show))
    except TelephonyError as e:
        sys.exit(str(e))


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
