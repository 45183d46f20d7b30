"""A LiveKit server's SIP interface, whose errors are sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from livekit import api

from .config import TelephonyError


@asynccontextmanager
async def connect(
    url: str | None = None, api_key: str | None = None, api_secret: str | None = None
) -> AsyncIterator[api.LiveKitAPI]:
    """Open the interface of a server; of the one that LIVEKIT_* names if none is given.

    Raises:
        TelephonyError: The server is not named, cannot be reached, or refuses the request.
    """
    try:
        server = api.LiveKitAPI(url, api_key, api_secret)
    except ValueError as e:
        raise TelephonyError(
            "LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET must be set: the trunks are kept "
            "by that server."
        ) from e
    async with server:
        try:
            yield server
        except api.TwirpError as e:
            hint = " Start it with REDIS_HOST." if "redis" in e.message else ""
            raise TelephonyError(f"LiveKit refuses: {e.message}.{hint}") from e
        except (aiohttp.ClientError, TimeoutError) as e:
            raise TelephonyError(f"LiveKit cannot be reached: {e or 'no answer in time'}.") from e
