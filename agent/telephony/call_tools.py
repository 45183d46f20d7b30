"""What the model can do in any call, whatever carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import get_args

from livekit.agents import StopResponse, ToolError, UserStateChangedEvent, function_tool
from livekit.agents.llm import Tool, Toolset

from ..phone_settings import PhoneTool
from .call import Call
from .digits import AskForDigits
from .saying import say
from .sip_call import HungUp

ANYWHERE: frozenset[PhoneTool] = frozenset({"hang_up", "ask_for_digits", "hold"})
"""The tools of :class:`CallTools`; the others need a room of LiveKit's, and its SIP service."""
_LONGEST_QUESTION = 200
"""Characters that the model may have us ask: 15 seconds."""
_LONGEST_HOLD = 120.0
"""Seconds."""


class CallTools:
    """The tools of one call that need no room.

    Args:
        call: The call.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def offered(self, among: Collection[str] = ANYWHERE) -> list[Tool | Toolset]:
        """Those that the settings give to the model.

        Args:
            among: The names of those that are possible.
        """
        return [getattr(self, name) for name in self._call.settings.tools if name in among]

    @function_tool
    async def hang_up(self, goodbye: str) -> None:
        """End the call, when the user is done or says goodbye.

        Args:
            goodbye: The last words to the user, one short sentence.
        """
        goodbye = sentence("goodbye", goodbye, _LONGEST_QUESTION)
        await say(self._call.session, goodbye)
        self._call.hang_up()
        raise StopResponse

    @function_tool
    async def ask_for_digits(self, question: str, least: int, most: int) -> str:
        """Ask the user for a number such as an order number; they type it on the phone or say it.

        Args:
            question: What to ask, such as "Enter your order number, then the hash key."
            least: Fewest digits that it has.
            most: Most digits that it has.
        """
        if not 1 <= least <= most <= 32:
            raise ToolError("least and most must be from 1 to 32, and least not above most.")
        question = sentence("question", question, _LONGEST_QUESTION)
        call = self._call
        return await call.ask(
            AskForDigits(
                question,
                least=least,
                most=most,
                language=call.language,
                keys=call.keys,
                answer_timeout=call.settings.answer_timeout,
            )
        )

    @function_tool
    async def hold(self, seconds: float) -> str:
        """Play music while the user looks for something or has asked to wait.

        Args:
            seconds: How long at most; the music ends when they speak.
        """
        if not seconds > 0:  # nor what is not a number
            raise ToolError("seconds must be above 0.")
        spoke = asyncio.Event()

        def on_state(event: UserStateChangedEvent) -> None:
            if event.new_state == "speaking":
                spoke.set()

        self._call.session.on("user_state_changed", on_state)
        try:
            async with asyncio.timeout(min(seconds, _LONGEST_HOLD)), self._call.music():
                await self._call.until_hang_up(spoke.wait())
        except HungUp:
            raise StopResponse from None
        except TimeoutError:
            return "The user has not come back. Ask whether they are still there."
        finally:
            self._call.session.off("user_state_changed", on_state)
        return "The user is back."


def nowhere_else(tools: Collection[PhoneTool]) -> list[PhoneTool]:
    """Those of some tools that a call without a room cannot have, in the order of the settings."""
    return [name for name in get_args(PhoneTool) if name in tools and name not in ANYWHERE]


def sentence(name: str, text: str, longest: int) -> str:
    """What the model wrote to be said, as one line.

    Raises:
        ToolError: It is empty or too long.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not 1 <= len(line) <= longest:
        raise ToolError(f"{name} must have from 1 to {longest} characters, and has {len(line)}.")
    return line
