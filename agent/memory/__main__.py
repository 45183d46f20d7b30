"""``python -m agent.memory show|erase|expire``: what is remembered of a caller, and its end."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict

from .. import settings as settings_module
from ..definition.choice import Agents
from ..memory_settings import MemorySettings
from ..settings import SettingsError
from .caller import Caller
from .caller_memory import expire
from .store import MemoryStore, MemoryStoreError, open_store


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m agent.memory", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (
        ("show", "print what is remembered of a caller, as JSON"),
        ("erase", "keep nothing of a caller any more"),
    ):
        command = commands.add_parser(name, help=does, description=does)
        who = command.add_mutually_exclusive_group(required=True)
        who.add_argument("--phone", metavar="NUMBER", help="a caller by phone, as +12025550143")
        who.add_argument("--user", metavar="ID", help="somebody who signs in, by their identifier")
        if name == "erase":
            who.add_argument("--all", action="store_true", help="everybody")
    commands.add_parser("expire", help="erase whoever has not called for memory.days")
    args = parser.parse_args(argv)
    try:
        told = "\n".join(asyncio.run(_do(args, settings)) for settings in _memories())
    except (SettingsError, MemoryStoreError) as e:
        print(e, file=sys.stderr)
        return 1
    print(told)
    return 0


def _memories() -> list[MemorySettings]:
    """The memory of each agent of the profile, once where several share one."""
    profile = settings_module.load()
    if profile.memory is None:
        raise SettingsError("There is no memory: the profile has no section `memory`.")
    own = [agent.settings.memory for agent in Agents(profile).all().values()]
    names = {profile.memory.agent, *(memory.agent for memory in own if memory and memory.agent)}
    return [profile.memory.model_copy(update={"agent": name}) for name in sorted(names)]


async def _do(args: argparse.Namespace, settings: MemorySettings) -> str:
    store = open_store(settings.store)
    try:
        if args.command == "expire":
            return f"{await expire(store, settings, time.time())} erased."
        if args.command == "erase" and args.all:
            return f"{await store.erase_before(float('inf'))} erased."
        return await _one(args, settings, store)
    finally:
        await store.aclose()


async def _one(args: argparse.Namespace, settings: MemorySettings, store: MemoryStore) -> str:
    caller = Caller.of(visitor=args.user, number=args.phone)
    if caller is None:
        raise SettingsError(f"{args.phone!r} is not a telephone number.")
    key = caller.key(settings)
    if args.command == "erase":
        return "Erased." if await store.erase(key) else "Nothing was kept of them."
    entry = await store.read(key)
    if entry is None:
        return "Nothing is kept of them."
    return json.dumps(asdict(entry), ensure_ascii=False, indent=1)


if __name__ == "__main__":
    sys.exit(main())
