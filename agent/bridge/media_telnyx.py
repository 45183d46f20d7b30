"""Telnyx: its pages "Stream call media over WebSocket" and "Answer call".

The stream's own start tells in which codec the caller's sound comes, and nothing tells in which one
ours is played: ``stream_bidirectional_codec`` has to name the same.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from agent.settings import BridgeSettings

from .media_events import ALAW, ULAW, EventDialect
from .media_messages import Media, Message, Sent, Trouble
from .requests import Refused

_SAID = 200
"""Characters of what is told of a provider's errors."""
_AGAIN = 50
"""Pieces of sound, 1 s, by which one is behind that begins a new count."""


class Telnyx(EventDialect):
    """The messages of a stream of Telnyx with ``stream_bidirectional_mode`` at ``rtp``.

    They may come in another order than that of the sound: one that is early waits for the next, so
    that nothing is late by more than 20 ms, and one that comes too late for that is left out.
    """

    stream_field = "stream_id"
    format_field = "media_format"
    rate_field = "sample_rate"
    parameters_field = "custom_parameters"
    coders = {"PCMU": ULAW, "PCMA": ALAW}

    def __init__(self) -> None:
        super().__init__()
        self._last = 0
        """Number of the piece of sound that was given out last."""
        self._early: tuple[int, Media] | None = None

    def _more(self, start: Mapping[str, Any]) -> Mapping[str, str]:
        # Telnyx's own word for who called whom; that of our answer comes before it.
        return {name: start[name] for name in ("from", "to") if isinstance(start.get(name), str)}

    def _ordered(self, media: Mapping[str, Any], sound: Media) -> Sequence[Message]:
        chunk = str(media.get("chunk", ""))
        if not (chunk.isascii() and chunk.isdecimal()) or len(chunk) > 18:
            return [sound]
        number, waiting = int(chunk), self._early
        if number <= self._last - _AGAIN:
            self._last, self._early = number, None
            return [sound]
        if number <= self._last or (waiting and number == waiting[0]):
            return []
        if waiting is None and self._last and number > self._last + 1:
            self._early = (number, sound)
            return []
        self._early = None
        both = sorted([(number, sound), *([waiting] if waiting else [])], key=lambda each: each[0])
        self._last = both[-1][0]
        return [each for _, each in both]

    def _other(self, fields: Mapping[str, Any]) -> Sequence[Message]:
        if fields["event"] != "error":
            return []
        told = fields.get("payload")
        told = told if isinstance(told, dict) else fields
        said = [str(told[name]) for name in ("code", "title", "detail") if told.get(name)]
        return [Trouble(" ".join(said)[:_SAID] or "it does not say why")]

    def _sent(self, event: str, **fields: Any) -> Sent:
        return {"event": event, **fields}


def check(headers: Mapping[str, str], token: str, settings: BridgeSettings) -> None:
    """Make sure that Telnyx opens a stream: it sends the ``stream_auth_token`` of our command.

    Its Ed25519 signatures are of webhooks, and no stream has one.

    Raises:
        Refused: Somebody else does.
    """
    given = headers.get("x-telnyx-streaming-auth-token", "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Refused(403, "bad_token", "x-telnyx-streaming-auth-token is not bridge.stream_token.")
