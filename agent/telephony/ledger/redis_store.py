"""The ledger in Redis: for agent servers on several machines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, cast

from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from ...redis_connection import RedisConnection
from .attempt import DAY, KEPT, Attempt, Change, Decide, LedgerError, Used

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
        self._connection = RedisConnection(url, LedgerError, _PATIENCE)
        self._redis, self._do = self._connection.redis, self._connection.do
        self.aclose = self._connection.aclose
        # Of many that enter at once all but one begin again: those of a job wait for each other.
        self._one = asyncio.Lock()

    async def enter(self, attempt: Attempt, decide: Decide) -> Attempt:
        """Enter an attempt, and forget those that are old enough."""

        async def entry(pipe: Pipeline) -> Attempt:
            now = await self._connection.now()
            before = await self._entries(now - DAY)
            ahead = [each.id for each in before if each.at > now]
            used = Used.of(((each.state, each.at, each.minutes) for each in before), now)
            entered = decide(replace(attempt, at=now), used)
            pipe.multi()  # type: ignore[no-untyped-call]
            # The clock was set back: they count for a day from now.
            pipe.zadd(_TIMES, {**dict.fromkeys(ahead, now), entered.id: now})
            pipe.zremrangebyscore(_TIMES, "-inf", now - KEPT)
            pipe.set(_key(entered.id), entered.written(), ex=int(KEPT + DAY))
            return entered

        async def work() -> Attempt:
            return cast(
                Attempt, await self._redis.transaction(entry, _TIMES, value_from_callable=True)
            )

        async with self._one:
            return await self._do(work)

    async def change(self, attempt: str, change: Change) -> Attempt | None:
        """Change one attempt while nobody else does, and return its new entry."""

        async def entry(pipe: Pipeline) -> Attempt | None:
            found = await pipe.get(_key(attempt))
            if found is None:
                return None
            before = Attempt.read(found)
            after = change(before, await self._connection.now())
            if after != before:
                pipe.multi()  # type: ignore[no-untyped-call]
                pipe.set(_key(attempt), after.written(), keepttl=True)
            return after

        async def work() -> Attempt | None:
            changed = self._redis.transaction(entry, _key(attempt), value_from_callable=True)
            return cast("Attempt | None", await changed)

        return await self._do(work)

    async def since(self, seconds: float) -> list[Attempt]:
        """The attempts of the last so many seconds, the oldest first."""

        async def work() -> list[Attempt]:
            # Older ones are gone, though their times may not be.
            return await self._entries(await self._connection.now() - min(seconds, KEPT))

        return await self._do(work)

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

        return await self._do(work)

    async def _entries(self, since: float) -> list[Attempt]:
        times = await self._redis.zrangebyscore(_TIMES, f"({since}", "+inf", withscores=True)
        if not times:
            return []
        entries = await self._redis.mget([_key(each) for each, _ in times])
        if None in entries:
            raise LedgerError("Redis has lost an attempt that it was told.")
        read = zip(entries, times, strict=True)
        return [replace(Attempt.read(entry), at=at) for entry, (_, at) in read]
