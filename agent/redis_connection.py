"""A Redis that the agent servers of several machines share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

T = TypeVar("T")

_DEADLINE = 2.0
"""Seconds that it may take to answer once."""


class RedisConnection:
    """The connection.

    Args:
        url: ``redis://HOST:PORT/DATABASE``.
        error: What is raised when it cannot be used.
        patience: Seconds that all of one work may take, its beginnings anew included; no limit if
            None.

    Raises:
        Exception: That is no such address (the error that was named).
    """

    def __init__(self, url: str, error: type[Exception], patience: float | None = None) -> None:
        self._error, self._patience = error, patience
        try:
            self.redis: Redis = Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_DEADLINE,
                socket_timeout=_DEADLINE,
            )
        except ValueError as e:
            raise error(f"this is not the address of a Redis: {e}") from e
        self.aclose = self.redis.aclose

    async def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something.

        Raises:
            Exception: The Redis cannot be used (the error that was named).
        """
        try:
            async with asyncio.timeout(self._patience) as limit:
                return await work()
        except TimeoutError as e:
            if limit.expired():
                raise self._error("Redis does not answer in time") from e
            raise self._error(f"Redis cannot be used: {e}.") from e
        except (RedisError, OSError) as e:
            raise self._error(f"Redis cannot be used: {e}.") from e

    async def now(self) -> float:
        """Seconds since 1970 by its own clock: those of several machines differ."""
        seconds, microseconds = await self.redis.time()
        return float(seconds + microseconds / 1e6)
