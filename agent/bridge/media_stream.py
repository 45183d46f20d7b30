"""A telephony provider's media stream: who may open one, and the messages of it."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Literal

from livekit.agents import llm
from starlette.websockets import WebSocket, WebSocketDisconnect

from agent.assistant import instructions
from agent.language import language_named
from agent.settings import BridgeSettings, Settings

from . import media_messages
from .conversations import Conversation
from .engines import Engines
from .media_call import Call
from .media_messages import Message, MessageError, Start
from .media_playback import Playback
from .record import Record
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


class MediaStream:
    """Holds the conversation of one stream.

    Args:
        settings: The profile.
        engines: What makes the replies.
        record: Makes the record of a reply.
    """

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        record: Callable[[Literal["chat"]], Record],
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._record = record

    async def run(self, websocket: WebSocket) -> None:
        """Follow the stream to its end."""
        messages = _messages(websocket)
        try:
            async for message in messages:
                if isinstance(message, Start):
                    await self._call(message, websocket).run(messages)
                    break
            await websocket.close()
        except WebSocketDisconnect:
            pass
        except (MessageError, TimeoutError) as e:
            reason = str(e) or f"Nothing was sent for {_SILENCE_SECONDS:g} s."
            logger.warning("a media stream broke off", extra={"reason": reason})
            await websocket.close(1008, reason[:120])
        finally:
            await messages.aclose()

    def _call(self, start: Start, websocket: WebSocket) -> Call:
        async def send(message: dict[str, Any]) -> None:
            await websocket.send_json(message)

        language = language_named(
            start.start.custom_parameters.get("language", self._settings.language)
        )
        context = llm.ChatContext()
        context.add_message(role="system", content=instructions(self._settings, language))
        return Call(
            self._settings,
            self._engines,
            Conversation(context, time.monotonic()),
            Playback(start.stream_sid, send),
            language,
            lambda: self._record("chat"),
        )


async def _messages(websocket: WebSocket) -> AsyncGenerator[Message, None]:
    while True:
        async with asyncio.timeout(_SILENCE_SECONDS):
            text = await websocket.receive_text()
        if message := media_messages.read(text):
            yield message
