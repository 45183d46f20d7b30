"""Vonage: its pages "WebSockets in the Vonage Voice API" and "Signed Webhooks".

Sound is bare PCM in binary messages of 20 ms; all else is JSON in text.
"""

from __future__ import annotations

import hmac
import re
import time
import uuid
from collections.abc import Mapping, Sequence

import jwt
import numpy as np

from agent.settings import BridgeSettings

from .media_messages import (
    Dialect,
    Mark,
    Media,
    Message,
    MessageError,
    Sent,
    Start,
    fields_of,
    key,
    parameters,
    text_of,
)
from .requests import Refused

_RATES = (8_000, 16_000, 24_000)
_FORMAT = re.compile(r"audio/l16\s*;\s*rate=([0-9]{4,5})")
_FRESH = 300.0
"""Seconds after which what Vonage signed is not taken any more: it has no end of its own."""


class Vonage(Dialect):
    """The messages of a stream of an NCCO's ``connect`` to a ``websocket``.

    There is no identifier of a stream: the parameter ``uuid`` is taken, which our own answer can
    have from Vonage, else one is made up. A stream ends with its connection.
    """

    rate = 16_000

    def read(self, received: str | bytes) -> Sequence[Message]:
        """Read a message; see :meth:`.media_messages.Dialect.read`."""
        if not isinstance(received, str):
            if len(received) % 2:
                raise MessageError("message: its sound ends in the middle of a sample")
            return [Media(np.frombuffer(received, "<i2").astype(np.int16))]
        fields = fields_of(received)
        match fields["event"]:
            case "websocket:connected":
                form = _FORMAT.fullmatch(text_of(fields, "content-type").strip().lower())
                if form is None or int(form[1]) not in _RATES:
                    known = ", ".join(str(rate) for rate in _RATES)
                    raise MessageError(f"content-type: it must be audio/l16;rate= and {known}")
                self.rate = int(form[1])
                said = parameters(fields)
                for own in ("event", "content-type"):
                    said.pop(own, None)
                return [Start(said.get("uuid") or f"vonage-{uuid.uuid4().hex}", said)]
            case "websocket:dtmf":
                return key(fields.get("digit"))
            case "websocket:notify":
                told = fields.get("payload")
                name = told.get("mark") if isinstance(told, dict) else None
                return [Mark(name)] if isinstance(name, str) else []
            case _:
                return []

    def media(self, pcm: bytes) -> Sent:
        """More sound to play."""
        return pcm

    def mark(self, name: str) -> Sent:
        """Ask to be told when it is heard."""
        return {"action": "notify", "payload": {"mark": name}}

    def clear(self) -> Sent:
        """Drop what has not been played."""
        return {"action": "clear"}


def check(headers: Mapping[str, str], token: str, settings: BridgeSettings) -> None:
    """Make sure that Vonage opens a stream.

    By ``"authorization": {"type": "vonage"}`` in the NCCO it sends a JWT that it has signed with
    the account's signature secret; by ``{"type": "custom", "value": "Bearer …"}`` what we chose.

    Raises:
        Refused: Somebody else does.
    """
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and given:
        if hmac.compare_digest(given.encode(), token.encode()):
            return
        try:
            claims = jwt.decode(
                given,
                token,
                algorithms=["HS256"],
                options={"require": ["iat"], "verify_aud": False},
                leeway=60,
            )
        except jwt.PyJWTError as e:  # also of a secret that is no key
            raise _refused() from e
        if time.time() - claims["iat"] <= _FRESH:
            return
    raise _refused()


def _refused() -> Refused:
    return Refused(
        403,
        "bad_signature",
        "Authorization has neither a fresh JWT that bridge.stream_token signs, nor that itself.",
    )
