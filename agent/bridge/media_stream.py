"""A telephony provider's media stream: who may open one, and its messages as they come and go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from agent.settings import BridgeSettings, StreamProvider

from . import media_telnyx, media_twilio, media_vonage
from .engines import OpenCall
from .media_call import hold_call
from .media_choice import Choose
from .media_messages import Dialect, Message, MessageError, Sent, Start
from .requests import Refused

logger = logging.getLogger("parley")


class Provider(NamedTuple):
    """What is particular to one provider."""

    dialect: Callable[[], Dialect]
    """How it writes the messages of a stream."""
    check: Callable[[Mapping[str, str], str, BridgeSettings], None]
    """Makes sure that a stream with these headers is its own."""


PROVIDERS: Mapping[StreamProvider, Provider] = {
    "twilio": Provider(media_twilio.Twilio, media_twilio.check),
    "telnyx": Provider(media_telnyx.Telnyx, media_telnyx.check),
    "vonage": Provider(media_vonage.Vonage, media_vonage.check),
}

_SILENCE_SECONDS = 10.0
"""A provider sends a message every 20 ms, also while nobody speaks: after this it is gone."""


def check_opening(websocket: WebSocket, settings: BridgeSettings) -> None:
    """Make sure that the provider opens this stream.

    Raises:
        Refused: There are no media streams here, or somebody else opens one.
    """
    if settings.stream_url is None:
        raise Refused(403, "no_streams", "Set bridge.stream_url to take media streams.")
    if settings.stream_token is None:
        if settings.api_key:
            raise Refused(403, "no_token", "Set bridge.stream_token: this bridge is not open.")
        return
    token = settings.stream_token.get_secret_value()
    PROVIDERS[settings.stream_provider].check(websocket.headers, token, settings)


def open_streams_warning(settings: BridgeSettings) -> str | None:
    """A warning that anybody may open a stream; None if only the provider can, or nobody."""
    if settings.stream_url is None or settings.stream_token or settings.api_key:
        return None
    return (
        f"Whoever finds {settings.stream_url} can speak with the agent, for streams are taken "
        "without a token: set PARLEY_BRIDGE__STREAM_TOKEN to the token or secret of your provider "
        "(docs/telephony.md says which that is)."
    )


async def follow(
    websocket: WebSocket,
    dialect: Dialect,
    choose: Choose,
    open_call: OpenCall,
    stopping: asyncio.Event,
) -> None:
    """Hold the conversation of one stream, to its end.

    Args:
        websocket: An accepted one.
        dialect: How the provider writes its messages.
        choose: Says who speaks.
        open_call: Connects to the engines.
        stopping: Set once the bridge is to stop.
    """

    async def send(message: Sent) -> None:
        if websocket.application_state is websocket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect):  # who reads it learns that, too
                if isinstance(message, bytes):
                    await websocket.send_bytes(message)
                else:
                    await websocket.send_json(message)

    try:
        async with contextlib.aclosing(_messages(websocket, dialect)) as messages:
            async for message in messages:
                if isinstance(message, Start):
                    await hold_call(choose, open_call, dialect, message, send, messages, stopping)
                    break
        await websocket.close()
    except WebSocketDisconnect:
        pass
    except (MessageError, TimeoutError) as e:
        reason = str(e) or f"Nothing was sent for {_SILENCE_SECONDS:g} s."
        logger.warning("a media stream broke off: %s", reason)
        await websocket.close(1008, reason.encode()[:120].decode(errors="ignore"))


async def _messages(websocket: WebSocket, dialect: Dialect) -> AsyncGenerator[Message, None]:
    while True:
        async with asyncio.timeout(_SILENCE_SECONDS):
            received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        text = received.get("text")
        for message in dialect.read(text if text is not None else received.get("bytes") or b""):
            yield message
