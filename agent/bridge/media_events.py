"""Streams whose messages are JSON with an ``event``, and whose sound is G.711 in base64.

Twilio began it; others have its messages with their own names for the fields.
"""

from __future__ import annotations

import audioop
import base64
import binascii
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from .media_messages import (
    Dialect,
    Mark,
    Media,
    Message,
    MessageError,
    Sent,
    Start,
    Stop,
    fields_of,
    identifier,
    inner,
    is_whole,
    key,
    parameters,
    text_of,
)

RATE = 8_000
"""Hz of G.711."""

_INBOUND = "inbound"
"""The track of what the caller says; what they hear can be sent, too."""

Coder = tuple[Callable[[bytes, int], bytes], Callable[[bytes, int], bytes]]
"""From G.711, and to it."""

ULAW: Coder = (audioop.ulaw2lin, audioop.lin2ulaw)
ALAW: Coder = (audioop.alaw2lin, audioop.lin2alaw)


class EventDialect(Dialect):
    """What the providers of such streams have in common."""

    rate = RATE
    stream_field: ClassVar[str]
    format_field: ClassVar[str]
    rate_field: ClassVar[str]
    parameters_field: ClassVar[str]
    coders: ClassVar[Mapping[str, Coder]]
    """What the format may be, by its name."""

    def __init__(self) -> None:
        self.stream = ""
        self._from_line, self._to_line = ULAW

    def read(self, received: str | bytes) -> Sequence[Message]:
        """Read a message; see :meth:`.media_messages.Dialect.read`."""
        fields = fields_of(received)
        match fields["event"]:
            case "start":
                return [self._started(fields)]
            case "media":
                media = inner(fields, "media")
                if media.get("track", _INBOUND) != _INBOUND:
                    return []
                return self._ordered(media, self._sound(text_of(media, "payload", "media.")))
            case "mark":
                return [Mark(text_of(inner(fields, "mark"), "name", "mark."))]
            case "dtmf":
                return key(inner(fields, "dtmf").get("digit"))
            case "stop":
                return [Stop()]
            case _:
                return self._other(fields)

    def media(self, pcm: bytes) -> Sent:
        """More sound to play."""
        payload = base64.b64encode(self._to_line(pcm, 2)).decode()
        return self._sent("media", media={"payload": payload})

    def mark(self, name: str) -> Sent:
        """Ask to be told when it is heard."""
        return self._sent("mark", mark={"name": name})

    def clear(self) -> Sent:
        """Drop what has not been played."""
        return self._sent("clear")

    @abstractmethod
    def _sent(self, event: str, **fields: Any) -> Sent: ...

    def _ordered(self, media: Mapping[str, Any], sound: Media) -> Sequence[Message]:
        return [sound]

    def _other(self, fields: Mapping[str, Any]) -> Sequence[Message]:
        return []

    def _more(self, start: Mapping[str, Any]) -> Mapping[str, str]:
        """What the start says of the call beside its parameters."""
        return {}

    def _started(self, fields: Mapping[str, Any]) -> Start:
        self.stream = identifier(fields, self.stream_field)
        start = inner(fields, "start")
        where = f"start.{self.format_field}."
        form = inner(start, self.format_field, "start.")
        coder = self.coders.get(str(form.get("encoding")))
        if coder is None:
            known = " or ".join(self.coders)
            raise MessageError(f"{where}encoding: it must be {known}")
        if not is_whole(form.get(self.rate_field), RATE):
            raise MessageError(f"{where}{self.rate_field}: it must be {RATE}")
        if not is_whole(form.get("channels", 1), 1):
            raise MessageError(f"{where}channels: it must be 1")
        self._from_line, self._to_line = coder
        said = parameters(start.get(self.parameters_field))
        return Start(self.stream, {**self._more(start), **said})

    def _sound(self, payload: str) -> Media:
        try:
            pcm = self._from_line(base64.b64decode(payload, validate=True), 2)
        except (binascii.Error, ValueError) as e:
            raise MessageError("media.payload: it is no base64") from e
        return Media(np.frombuffer(pcm, np.int16))
