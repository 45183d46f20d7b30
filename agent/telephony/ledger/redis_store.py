"""The ledger in Redis: for agent servers on several machines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError, WatchError

from .attempt import DAY, KEPT, Attempt, Change, Decide, LedgerError, Used

T = TypeVar("T")

_DEADLINE = 2.0
"""Seconds that Redis may take to answer once."""
_PATIENCE = 6.0
"""Seconds that it may take in all, while others write too: a caller waits for that."""

_TIMES = "parley:attempts"
"""Identifiers of the attempts, by time."""


def _key(attempt: str) -> str:
    return f"parley:attempt:{attempt}"


class RedisStore:
    """A Redis that all agent servers share whose calls are to be counted together.

    Args:
        url: ``redis://HOST:PORT/DATABASE``.

    Raises:
        LedgerError: That is no such address.
    """

    def __init__(self, url: str) -> None:
        try:
            self._redis: Redis = Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_DEADLINE,
                socket_timeout=_DEADLINE,
            )
        except ValueError as e:
            raise LedgerError(f"this is not the address of a Redis: {e}") from e
        # Of many that enter at once all but one begin again: those of a job wait for each other.
        self._one = asyncio.Lock()

    async def enter(self, attempt: Attempt, decide: Decide) -> Attempt:
        """Enter an attempt, and forget those that are old enough."""

        async def work() -> Attempt:
            while True:
                async with self._redis.pipeline() as pipe:
                    await pipe.watch(_TIMES)
                    now = await self._now()
                    before = await self._entries(now - DAY)
                    ahead = [each.id for each in before if each.at > now]
                    used = Used.of(((each.state, each.at, each.minutes) for each in before), now)
                    entered = decide(replace(attempt, at=now), used)
                    pipe.multi()  # type: ignore[no-untyped-call]
                    # The clock was set back: they count for a day from now.
                    pipe.zadd(_TIMES, {**dict.fromkeys(ahead, now), entered.id: now})
                    pipe.zremrangebyscore(_TIMES, "-inf", now - KEPT)
                    pipe.set(_key(entered.id), entered.written(), ex=int(KEPT + DAY))
                    try:
                        await pipe.execute()
                    except WatchError:
                        continue
                    return entered

        async with self._one:
            return await _answered(work)

    async def change(self, attempt: str, change: Change) -> Attempt | None:
        """Change one attempt while nobody else does, and return its new entry."""

        async def work() -> Attempt | None:
            while True:
                async with self._redis.pipeline() as pipe:
                    await pipe.watch(_key(attempt))
                    found = await pipe.get(_key(attempt))
                    if found is None:
                        return None
                    before = Attempt.read(found)
                    after = change(before, await self._now())
                    if after == before:
                        return before
                    pipe.multi()  # type: ignore[no-untyped-call]
                    pipe.set(_key(attempt), after.written(), keepttl=True)
                    try:
                        await pipe.execute()
                    except WatchError:
                        continue
                    return after

        return await _answered(work)

    async def since(self, seconds: float) -> list[Attempt]:
        """The attempts of the last so many seconds, the oldest first."""

        async def work() -> list[Attempt]:
            # Older ones are gone, though their times may not be.
            return await self._entries(await self._now() - min(seconds, KEPT))

        return await _answered(work)

    async def forgets(self) -> str | None:
        """Why it would forget what is entered: it writes nothing down, or drops what it has."""

        async def work() -> str | None:
            info = await cast(Awaitable[dict[str, Any]], self._redis.info())
            if int(info.get("maxmemory", 0)) and info.get("maxmemory_policy") != "noeviction":
                return "it drops keys when its memory is full (maxmemory-policy noeviction)"
            if int(info.get("aof_enabled", 0)):
                return None
            try:
                save = await cast(
                    Awaitable[dict[str, str]],
                    self._redis.config_get("save"),
                )
            except ResponseError:  # somebody else's, who does not tell
                return None
            return None if save.get("save") else "it writes nothing to disk (appendonly yes)"

        return await _answered(work)

    async def aclose(self) -> None:
        """Close the connection; may be called twice."""
        await self._redis.aclose()

    async def _entries(self, since: float) -> list[Attempt]:
        times = await self._redis.zrangebyscore(_TIMES, f"({since}", "+inf", withscores=True)
        if not times:
            return []
        entries = await self._redis.mget([_key(each) for each, _ in times])
        if None in entries:
            raise LedgerError("Redis has lost an attempt that it was told.")
        read = zip(entries, times, strict=True)
        return [replace(Attempt.read(entry), at=at) for entry, (_, at) in read]

    async def _now(self) -> float:
        # Redis' own clock: those of several machines differ.
        seconds, microseconds = await self._redis.time()
        return float(seconds + microseconds / 1e6)


async def _answered(work: Callable[[], Awaitable[T]]) -> T:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await work()
    except TimeoutError as e:
        raise LedgerError("Redis does not answer in time") from e
    except (RedisError, OSError) as e:
        raise LedgerError(f"Redis cannot be used: {e}.") from e
