"""How often one address may ask."""

from __future__ import annotations

import time
from ipaddress import IPv6Address, ip_address
from math import ceil

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter


class TooMany(Exception):
    """This address asked too often. ``retry_after`` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many attempts from this address. Try again in {retry_after} s.")
        self.retry_after = retry_after


class Rate:
    """Counts the attempts of each client address in a moving window.

    Args:
        item: How many attempts are allowed in what time.
    """

    def __init__(self, item: RateLimitItem) -> None:
        self._item = item
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def check(self, address: str) -> None:
        """Count an attempt.

        Raises:
            TooMany: The address has used up its rate.
        """
        if not await self._limiter.hit(self._item, network(address)):
            raise await self._too_many(address)

    async def look(self, address: str) -> None:
        """Count nothing.

        Raises:
            TooMany: The address has used up its rate.
        """
        if not await self._limiter.test(self._item, network(address)):
            raise await self._too_many(address)

    async def _too_many(self, address: str) -> TooMany:
        window = await self._limiter.get_window_stats(self._item, network(address))
        return TooMany(max(1, ceil(window.reset_time - time.time())))


def network(address: str) -> str:
    """The address, or for IPv6 the /64 that one subscriber has as a whole."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(ip) >> 64 << 64)) if isinstance(ip, IPv6Address) else str(ip)
