"""Start everything on this machine, ready to talk: ``python -m agent.stack.demo``."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys

from agent import settings
from agent.models import ModelError, locate

from . import ports
from .ports import PortError
from .stack import ROLES, Stack, StackError
from .terminal import say, until_stopped


async def run() -> None:
    """Run the stack.

    Raises:
        PortError, ModelError, StackError: Something is in the way; the text says what.
    """
    address = os.environ.get("PARLEY_ADDRESS", ports.LOOPBACK)
    numbers = ports.chosen(address=address)
    ports.check(numbers, address)
    for role in ROLES:
        locate(role)
    say("Starting LiveKit, the engines, the agent and the web page …")
    key = secrets.token_urlsafe(32)
    async with Stack(numbers, address=address, standby=True, engine_key=key, on_line=say) as stack:
        if limits := settings.load("cpu").tts.limits:
            say(limits)
        say(f"\n  Open {stack.web_url} and talk. Ctrl-C stops everything.\n")
        await stack.run()


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    try:
        asyncio.run(until_stopped(run()))
    except (PortError, ModelError, StackError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
