"""Who is let in over HTTP: with the key, not too often, and as many at once as there are places."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limits import RateLimitItemPerMinute
from starlette.requests import HTTPConnection, Request

from agent.rate import Rate, TooMany
from agent.settings import BridgeSettings

from .requests import Refused

_READ_FOR_EACH = 4
"""Requests that may be arriving for each that may be spoken: of 15 MB each, at most."""
GUESSES = RateLimitItemPerMinute(10)
"""Wrong keys of one client address: more than a person mistypes."""


class Door:
    """Lets requests in.

    Args:
        limits: How many, how often, and with what key.
    """

    def __init__(self, limits: BridgeSettings) -> None:
        self.limits = limits
        self.in_flight = 0
        """Requests that are being spoken."""
        self.finished = 0
        """Requests that were."""
        self._reading = 0
        self._rate = Rate(RateLimitItemPerMinute(limits.per_minute))
        self._guesses = Rate(GUESSES)

    async def check_rate(self, client: HTTPConnection) -> None:
        """Count a request.

        Raises:
            Refused: The client asked too often.
        """
        try:
            await self._rate.check(_address(client))
        except TooMany as e:
            raise _too_many(e) from e

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for a request that is here, until the last byte of its answer.

        Raises:
            Refused: There is no place left.
        """
        if self.in_flight >= self.limits.max_requests:
            raise Refused(
                503,
                "full",
                f"{self.in_flight} requests are being spoken, which is all this bridge takes "
                "at once: try again in a moment.",
                {"Retry-After": "1"},
            )
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self.finished += 1

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Hold the memory that the body of a request may take.

        Raises:
            Refused: As many are being read as may be.
        """
        if self._reading >= _READ_FOR_EACH * self.limits.max_requests:
            raise Refused(503, "full", "Too many requests are arriving.", {"Retry-After": "1"})
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    async def check_key(self, request: Request) -> None:
        """Refuse a caller without the key, where one is asked for.

        Raises:
            Refused: The key is missing or wrong, or the caller has guessed too often.
        """
        if key := self.limits.api_key:
            try:
                # Before the key is looked at: or who goes on guessing would see which is right.
                await self._guesses.look(_address(request))
            except TooMany as e:
                raise _too_many(e) from e
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), key.get_secret_value().encode()):
                with contextlib.suppress(TooMany):  # which the next attempt is told
                    await self._guesses.check(_address(request))
                raise Refused(401, "no_key", "Send Authorization: Bearer with this bridge's key.")


def _address(client: HTTPConnection) -> str:
    return client.client.host if client.client else ""


def _too_many(error: TooMany) -> Refused:
    return Refused(429, "too_many", str(error), {"Retry-After": str(error.retry_after)})
