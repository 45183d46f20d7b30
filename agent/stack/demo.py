"""Start everything on this machine, ready to talk: ``python -m agent.stack.demo``.

The profile and the environment say what everything is: engines that they have somewhere else are
not started here, and neither is LiveKit where ``LIVEKIT_URL`` names a server.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys

from agent.definition.choice import Agents
from agent.models import ModelError, locate
from agent.settings import SettingsError

from . import ports
from .ports import PortError
from .readiness import StackError
from .stack import Server, Stack
from .terminal import say, until_stopped


def prepare(usual: str) -> Stack:
    """Put together what the environment asks for, and see that it can be started.

    Args:
        usual: The profile where ``PARLEY_PROFILE`` names none.

    Raises:
        PortError, ModelError, StackError, SettingsError: Something is in the way; the text says
            what.
    """
    address = os.environ.get("PARLEY_ADDRESS", ports.LOOPBACK)
    livekit = Server.given()
    stack = Stack(
        ports.chosen(address=address),
        address=address,
        standby=True,
        profile=os.environ.get("PARLEY_PROFILE") or usual,
        livekit=livekit,
        engine_key=secrets.token_urlsafe(32),
        on_line=say,
    )
    ports.check(stack.ports, address, stack.placement.ports(livekit=livekit is None))
    for role in (*stack.placement.roles, "web"):
        locate(role)
    return stack


async def talk(stack: Stack) -> None:
    """Run the stack, with all that a person wants to know of it, until it is cancelled.

    Raises:
        StackError: Something does not start; the text says what.
        SettingsError: An agent is wrong.
    """
    limits = Agents(stack.settings).limits()
    await stack.introduce()
    async with stack:
        for sentence in limits:
            say(sentence)
        say(f"\n  Open {stack.web_url} and talk. Ctrl-C stops everything.\n")
        await stack.run()


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    try:
        asyncio.run(until_stopped(talk(prepare("cpu"))))
    except (PortError, ModelError, StackError, SettingsError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
