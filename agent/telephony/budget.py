"""What calls may cost: how many are placed, and how long they last, over all conversations.

Whoever gets an agent to call premium numbers earns from every minute. The prefixes say where it may
call, the two counts here bound what a mistake in them can cost.
"""

from __future__ import annotations

import logging
from typing import cast

from limits import RateLimitItemPerDay, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from ..settings import PhoneSettings
from .numbers import NotAllowed

logger = logging.getLogger("parley")

_KEY = "parley.phone"
_DEADLINE = 2.0
"""Seconds that the storage may take."""


class CallBudget:
    """Counts calls and minutes.

    Args:
        settings: The limits, and where the counts are kept.

    Raises:
        limits.errors.ConfigurationError: There is no such storage.
    """

    def __init__(self, settings: PhoneSettings) -> None:
        storage = storage_from_string(
            settings.budget_store,
            implementation="redispy",
            wrap_exceptions=True,
            socket_connect_timeout=_DEADLINE,
            socket_timeout=_DEADLINE,
        )
        self._limiter = MovingWindowRateLimiter(cast(Storage, storage))
        self._per_minute = RateLimitItemPerMinute(settings.calls_per_minute)
        self._per_day = RateLimitItemPerDay(settings.minutes_per_day)

    async def count_call(self) -> None:
        """Count a call that is about to be placed.

        Raises:
            NotAllowed: The budget is used up, or the store cannot be reached.
        """
        try:
            if not await self._limiter.hit(self._per_minute, _KEY, "calls"):
                raise NotAllowed("Too many calls were placed within a minute. Try again later.")
            if not await self._limiter.test(self._per_day, _KEY, "minutes"):
                raise NotAllowed("The minutes of today's calls are used up.")
        except StorageError as e:
            logger.error("calls cannot be counted, so none is placed", exc_info=e)
            raise NotAllowed("Calls cannot be placed now.") from e

    async def count_minute(self) -> bool:
        """Count a minute of a call as it begins; False if there is none left to count."""
        try:
            return await self._limiter.hit(self._per_day, _KEY, "minutes")
        except StorageError as e:
            logger.error("minutes cannot be counted, so the call ends", exc_info=e)
            return False
