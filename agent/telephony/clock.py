"""How long a call may last: a warning before the end, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CallClock:
    """Ends a call in time.

    Args:
        limit: Longest call, in seconds.
        warning: How long before the end to warn, in seconds; a limit no longer than this is
            announced at once.
    """

    limit: float
    warning: float

    async def run(
        self, warn: Callable[[], Awaitable[object]], end: Callable[[], Awaitable[object]]
    ) -> None:
        """Sleep, warn, sleep, end. Cancelled when the call ends by itself."""
        loop = asyncio.get_running_loop()
        over = loop.time() + self.limit
        await asyncio.sleep(max(0.0, self.limit - self.warning))
        # The warning is heard while the rest runs: a slow voice does not lengthen the call.
        warned = asyncio.ensure_future(warn())
        try:
            await asyncio.sleep(max(0.0, over - loop.time()))
            await end()
        finally:
            warned.cancel()
