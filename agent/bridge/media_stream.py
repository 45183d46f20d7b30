"""A telephony provider's media stream: who may open one, and the messages of it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import logging
from collections.abc import AsyncGenerator
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from agent.settings import BridgeSettings

from . import media_messages
from .engines import OpenCall
from .media_call import hold_call
from .media_choice import Choose
from .media_messages import Message, MessageError, Start
from .requests import Refused

logger = logging.getLogger("parley")

_SILENCE_SECONDS = 10.0
"""A provider sends a message every 20 ms, also while nobody speaks: after this it is gone."""


def check_signature(websocket: WebSocket, settings: BridgeSettings) -> None:
    """Make sure that the provider opens this stream.

    It signs the address as we gave it (base64 of HMAC-SHA1 with its token), which behind a proxy is
    not the one that arrives here.

    Raises:
        Refused: There are no media streams here, or somebody else opens one.
    """
    if settings.stream_url is None:
        raise Refused(403, "no_streams", "Set bridge.stream_url to take media streams.")
    if settings.stream_token is None:
        if settings.api_key:
            raise Refused(403, "no_token", "Set bridge.stream_token: this bridge is not open.")
    else:
        key = settings.stream_token.get_secret_value().encode()
        digest = hmac.digest(key, str(settings.stream_url).encode(), "sha1")
        given = websocket.headers.get("x-twilio-signature", "")
        if not hmac.compare_digest(given.encode(), base64.b64encode(digest)):
            raise Refused(403, "bad_signature", "X-Twilio-Signature is not that of our token.")


async def follow(websocket: WebSocket, choose: Choose, open_call: OpenCall) -> None:
    """Hold the conversation of one stream, to its end.

    Args:
        websocket: An accepted one.
        choose: Says who speaks.
        open_call: Connects to the engines.
    """

    async def send(message: dict[str, Any]) -> None:
        if websocket.application_state is websocket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect):  # who reads it learns that, too
                await websocket.send_json(message)

    try:
        async with contextlib.aclosing(_messages(websocket)) as messages:
            async for message in messages:
                if isinstance(message, Start):
                    await hold_call(choose, open_call, message, send, messages)
                    break
        await websocket.close()
    except WebSocketDisconnect:
        pass
    except (MessageError, TimeoutError) as e:
        reason = str(e) or f"Nothing was sent for {_SILENCE_SECONDS:g} s."
        logger.warning("a media stream broke off: %s", reason)
        await websocket.close(1008, reason[:120])


async def _messages(websocket: WebSocket) -> AsyncGenerator[Message, None]:
    while True:
        async with asyncio.timeout(_SILENCE_SECONDS):
            received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        if message := media_messages.read(received.get("text") or ""):
            yield message
