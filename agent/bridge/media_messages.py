"""What a provider's media stream carries, whoever the provider is.

A stream is a WebSocket that the provider opens for a call: it sends a start, the caller's sound and
keys, and an end; it plays what it is sent, tells how much of that was heard, and drops the rest
when it is told to. Each provider writes that in its own way, which is a :class:`Dialect`.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livekit.plugins.turn_taking.playback.buffer import Samples

_KEY = re.compile(r"[0-9*#A-D]")
_ID, _SAID, _PARAMETERS = 200, 500, 50
"""Characters of an identifier and of a parameter, and how many parameters are taken: providers have
fewer, and a record of the call has them."""


class MessageError(Exception):
    """A message is not as the provider documents it; the text says what is wrong."""


@dataclass(frozen=True)
class Start:
    """Which call it is."""

    stream: str
    """The provider's identifier."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What our own answer to the provider says of the call."""


@dataclass(frozen=True)
class Media:
    """What the caller says: 16 bits, mono, at the dialect's rate."""

    samples: Samples


@dataclass(frozen=True)
class Mark:
    """All sound before our mark of that name has been heard, or was cleared."""

    name: str


@dataclass(frozen=True)
class Dtmf:
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True)
class Trouble:
    """The provider could not do something that we wanted; the call goes on."""

    reason: str


@dataclass(frozen=True)
class Stop:
    """The call is over."""


Message = Start | Media | Mark | Dtmf | Trouble | Stop
Sent = dict[str, Any] | bytes
"""A message of ours: JSON as text, or bytes."""


class Dialect(ABC):
    """How one provider writes the messages of one stream."""

    rate: int
    """Hz of the sound both ways, mono; known once the start was read."""

    @abstractmethod
    def read(self, received: str | bytes) -> Sequence[Message]:
        """Read a message.

        Args:
            received: Its text, or its bytes.

        Returns:
            What it means: nothing if it is of a kind that came after this was written, or of no
            matter here.

        Raises:
            MessageError: It is malformed.
        """

    @abstractmethod
    def media(self, pcm: bytes) -> Sent:
        """More sound to play after what was sent before.

        Args:
            pcm: 20 ms, 16 bits, mono, at :attr:`rate`.
        """

    @abstractmethod
    def mark(self, name: str) -> Sent:
        """Ask to be told when all sound before it has been heard."""

    @abstractmethod
    def clear(self) -> Sent:
        """Drop the sound that has not been played."""


def fields_of(text: str | bytes) -> dict[str, Any]:
    """The fields of a message of JSON.

    Raises:
        MessageError: It is none, or says nothing of its kind.
    """
    if not isinstance(text, str):
        raise MessageError("message: it has bytes where this provider sends text")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise MessageError(f"message: Invalid JSON: {str(e).splitlines()[0]}") from e
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str):
        raise MessageError("message: there is no event in it")
    return fields


def inner(fields: Mapping[str, Any], name: str, where: str = "") -> dict[str, Any]:
    """The fields within a field.

    Raises:
        MessageError: There are none.
    """
    found = fields.get(name)
    if not isinstance(found, dict):
        raise MessageError(f"{where}{name}: there are no fields in it")
    return found


def text_of(fields: Mapping[str, Any], name: str, where: str = "") -> str:
    """The text of a field.

    Raises:
        MessageError: There is none.
    """
    found = fields.get(name)
    if not isinstance(found, str) or not found:
        raise MessageError(f"{where}{name}: there is no text in it")
    return found


def identifier(fields: Mapping[str, Any], name: str) -> str:
    """A provider's identifier of a stream.

    Raises:
        MessageError: There is none, or it is longer than any.
    """
    found = text_of(fields, name)
    if len(found) > _ID or not found.isprintable():
        raise MessageError(f"{name}: that is no identifier")
    return found


def parameters(said: object) -> dict[str, str]:
    """Parameters of a call as text; those that are no text, number or truth value are left out."""
    if not isinstance(said, dict):
        return {}
    kept: dict[str, str] = {}
    for name, value in list(said.items())[:_PARAMETERS]:
        if isinstance(value, bool | int | float):
            kept[name] = json.dumps(value)
        elif isinstance(value, str) and len(value) <= _SAID:
            kept[name] = value
    return kept


def key(digit: object) -> Sequence[Dtmf]:
    """A key that was pressed; nothing for one that no phone has."""
    return [Dtmf(digit)] if isinstance(digit, str) and _KEY.fullmatch(digit) else []


def is_whole(value: object, wanted: int) -> bool:
    """Whether a number is the one that is wanted; some providers write it as text."""
    return value in (wanted, str(wanted)) and not isinstance(value, bool)
