"""Start everything on this machine, ready to talk: ``python -m agent.stack.demo``."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys

from agent import settings
from agent.definition.choice import Agents
from agent.models import ModelError, locate

from . import ports
from .ports import PortError
from .stack import ROLES, Stack, StackError
from .terminal import say, until_stopped


async def run() -> None:
    """Run the stack.

    Raises:
        PortError, ModelError, StackError, SettingsError: Something is in the way; the text says
            what.
    """
    numbers = ports.chosen()
    address = os.environ.get("PARLEY_ADDRESS", ports.LOOPBACK)
    ports.check(numbers, address)
    for role in ROLES:
        locate(role)
    profile = settings.load("cpu")
    agents = Agents(profile).all().values()
    say("Starting LiveKit, the engines, the agent and the web page …")
    key = secrets.token_urlsafe(32)
    async with Stack(numbers, address=address, standby=True, engine_key=key, on_line=say) as stack:
        for sentence in (profile.tts.limits, *(agent.toolless(profile) for agent in agents)):
            if sentence:
                say(sentence)
        say(f"\n  Open {stack.web_url} and talk. Ctrl-C stops everything.\n")
        await stack.run()


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    try:
        asyncio.run(until_stopped(run()))
    except (PortError, ModelError, StackError, settings.SettingsError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
