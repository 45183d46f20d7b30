"""A record is posted, with a signature, as Standard Webhooks has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import aiohttp
from standardwebhooks import Webhook

from ..post_call_settings import WebhookSettings
from .record import Record

TIMEOUT = 15.0
"""Seconds for one attempt, which the standard has at 15 to 30."""

TYPE = "call.ended"
"""Of an event that is the record of a call; that of an attempt to call says its own."""


class WebhookError(Exception):
    """The receiver did not take a record; the text says why.

    Attributes:
        gone: Whether it wants none any more.
        wait: Seconds for which it asks to be left alone; 0 if it says nothing.
    """

    def __init__(self, message: str, *, gone: bool = False, wait: float = 0.0) -> None:
        super().__init__(message)
        self.gone, self.wait = gone, wait


async def post(
    record: Record, settings: WebhookSettings, session: aiohttp.ClientSession, now: float
) -> None:
    """Post a record once. Its id is the same each time, so a receiver knows what it has.

    Args:
        record: The record.
        settings: The ``post_call.webhook`` section of the profile.
        session: Makes the request.
        now: Seconds since 1970.

    Raises:
        WebhookError: It was not taken.
    """
    event = {"type": record.get("type", TYPE), "timestamp": record["ended_at"], "data": record}
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    at = datetime.fromtimestamp(int(now), UTC)
    signature = Webhook(settings.secret.get_secret_value()).sign(record["id"], at, body)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": record["id"],
        "webhook-timestamp": str(int(now)),
        "webhook-signature": signature,
    }
    try:
        async with session.post(
            str(settings.url),
            data=body.encode(),
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        ) as response:
            if 200 <= response.status < 300:
                return
            raise WebhookError(
                f"The webhook answered {response.status}.",
                gone=response.status == 410,
                wait=_seconds(response.headers.get("Retry-After", "")),
            )
    except (aiohttp.ClientError, OSError) as e:
        raise WebhookError(f"The webhook cannot be reached: {type(e).__name__}.") from e
    except TimeoutError as e:
        raise WebhookError(f"The webhook did not answer within {TIMEOUT:g} s.") from e


def _seconds(written: str) -> float:
    return min(float(written), 86_400.0) if written.isascii() and written.isdigit() else 0.0
