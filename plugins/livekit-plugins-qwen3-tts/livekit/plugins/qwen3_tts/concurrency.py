"""Tasks that end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from livekit.agents import APIError
from livekit.agents.utils import aio


async def run_together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until all have ended or one has failed, which ends the others too."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        await aio.cancel_and_wait(*tasks)


async def failure(task: asyncio.Task[None]) -> APIError | None:
    """Wait for a task, and return why it failed; None if it did not."""
    try:
        await task
    except APIError as e:
        return e
    return None
