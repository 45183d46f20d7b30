"""The book of calls in Redis: for agent servers on several machines."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any, cast

from redis.asyncio.client import Pipeline

from ..redis_connection import RedisConnection
from .book import Beat, Call, Change, Moment, StoreError

_ROOMS = "parley:calls"
_SERVERS = "parley:servers"

_EXPIRES = 3600
"""Seconds after which Redis drops what nobody has touched: the last server may have died with its
calls. A job touches its own every second."""


def _call(room: str) -> str:
    return f"parley:call:{room}"


def _history(room: str) -> str:
    return f"parley:history:{room}"


def _mark(key: str) -> str:
    return f"parley:mark:{key}"


class RedisStore:
    """A Redis that every agent server of one LiveKit server uses.

    Args:
        url: ``redis://HOST:PORT/DATABASE``; two LiveKit servers have two databases.
    """

    def __init__(self, url: str) -> None:
        self._connection = RedisConnection(url, StoreError)
        self._redis, self._do = self._connection.redis, self._connection.do
        self.aclose = self._connection.aclose

    async def read(self) -> tuple[Moment, dict[str, Call]]:
        """All calls by room."""

        async def work() -> tuple[Moment, dict[str, Call]]:
            rooms = sorted(await cast(Awaitable[set[str]], self._redis.smembers(_ROOMS)))
            entries = await self._redis.mget([_call(room) for room in rooms]) if rooms else []
            calls = {room: entry for room, entry in zip(rooms, entries, strict=True) if entry}
            if expired := set(rooms) - set(calls):
                await cast(Awaitable[int], self._redis.srem(_ROOMS, *expired))
            found = {room: Call(**json.loads(entry)) for room, entry in calls.items()}
            return await self._moment(), found

        return await self._do(work)

    async def change(self, room: str, change: Change) -> Call | None:
        """Change one call while nobody else does, and return its new entry."""

        async def entry(pipe: Pipeline) -> Call | None:
            found = await pipe.get(_call(room))
            before = Call(**json.loads(found)) if found else None
            after = change(before, await self._moment())
            pipe.multi()  # type: ignore[no-untyped-call]
            if after is None:
                pipe.delete(_call(room))
                pipe.srem(_ROOMS, room)
            else:
                pipe.set(_call(room), json.dumps(asdict(after)), ex=_EXPIRES)
                pipe.sadd(_ROOMS, room)
                pipe.expire(_history(room), _EXPIRES)
            return after

        async def work() -> Call | None:
            return cast(
                "Call | None",
                await self._redis.transaction(entry, _call(room), value_from_callable=True),
            )

        return await self._do(work)

    async def beat(self, server: str, serves: bool) -> None:
        """Note that an agent server lives, and whether it takes calls."""

        async def work() -> None:
            beat = json.dumps(Beat(await self._connection.now(), serves))
            await cast(Awaitable[int], self._redis.hset(_SERVERS, server, beat))

        await self._do(work)

    async def drop(self, server: str) -> None:
        """Note that an agent server does not live."""
        await self._do(lambda: cast(Awaitable[int], self._redis.hdel(_SERVERS, server)))

    async def history(self, room: str) -> str | None:
        """What was said in a room."""
        return await self._do(lambda: cast(Awaitable[Any], self._redis.get(_history(room))))

    async def write_history(self, room: str, history: str | None) -> None:
        """Keep what was said in a room in place of what is there; None to wipe it."""
        if history is None:
            await self._do(lambda: cast(Awaitable[Any], self._redis.delete(_history(room))))
        else:
            text = history
            await self._do(lambda: self._redis.set(_history(room), text, ex=_EXPIRES))

    async def remember(self, key: str, value: str, seconds: float) -> str:
        """Keep a value for some time, unless there is one under its key; return the one there."""

        async def work() -> str:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(_mark(key), value, nx=True, px=int(seconds * 1000))
                pipe.get(_mark(key))
                _, there = await pipe.execute()
            # None if it has just expired, in the same instant.
            return value if there is None else str(there)

        return await self._do(work)

    async def recall(self, key: str) -> str | None:
        """What is kept under a key."""
        return await self._do(lambda: cast(Awaitable[Any], self._redis.get(_mark(key))))

    async def _moment(self) -> Moment:
        beats = await cast(Awaitable[dict[str, str]], self._redis.hgetall(_SERVERS))
        servers = {server: Beat(*json.loads(beat)) for server, beat in beats.items()}
        return Moment(await self._connection.now(), servers)
