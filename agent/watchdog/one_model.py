"""The watchdog of a model that hears, thinks and speaks by itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from livekit import rtc

from .watchdog import Watchdog

Made = TypeVar("Made", bound=str | rtc.AudioFrame)


class OneModelWatchdog(Watchdog):
    """Watches turns that one model answers, with the same deadlines and by the same code."""

    async def made(
        self, ask: Callable[[], AsyncGenerator[Made, None]]
    ) -> AsyncGenerator[Made, None]:
        """Pass on what one model makes that thinks and speaks: words, and the sound of them.

        It is watched as :meth:`answered` watches one that only thinks. LiveKit does not take the
        agent for busy before there is sound of such a model.

        Args:
            ask: Asks it for the whole answer.
        """

        def asked() -> AsyncGenerator[Made, None]:
            self._note(lambda _: self._turn.busy(True))
            return ask()

        sounded = False
        try:
            async with aclosing(self.answered(asked)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, rtc.AudioFrame):
                        if not sounded:
                            self._on_voiced()
                        sounded = True
                        self._on_frame(piece)
                    yield piece
        finally:
            if self._session.agent_state != "speaking":
                self._note(lambda _: self._turn.busy(False))
                if self._next:
                    self._on_listening()
