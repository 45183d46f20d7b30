"""The messages of a provider's media stream, as Twilio Media Streams defined them.

JSON over a WebSocket; sound is G.711 µ-law at 8 kHz, in base64. Others (Telnyx aside, whose field
names differ) send the same: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import audioop
import base64
import binascii
from typing import Annotated, Any, Literal

from livekit import rtc
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

SAMPLE_RATE = 8_000
"""Hz, mono; the only format there is."""


class MessageError(Exception):
    """A message is not as the protocol has it; the text says what is wrong."""


class _Message(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)  # more fields may come


class _Format(_Message):
    encoding: Literal["audio/x-mulaw"]
    sample_rate: Literal[8000]
    channels: Literal[1]


class _Start(_Message):
    call_sid: str
    media_format: _Format
    custom_parameters: dict[str, str] = {}


class Connected(_Message):
    """The first message: there is a WebSocket."""

    event: Literal["connected"]


class Start(_Message):
    """The second one: which call, in which format."""

    event: Literal["start"]
    stream_sid: str
    start: _Start


class _Media(_Message):
    track: str = "inbound"
    payload: str


class Media(_Message):
    """20 ms of what the caller says."""

    event: Literal["media"]
    media: _Media

    def frame(self) -> rtc.AudioFrame:
        """The sound, as 16-bit PCM.

        Raises:
            MessageError: It is no base64.
        """
        try:
            pcm = audioop.ulaw2lin(base64.b64decode(self.media.payload, validate=True), 2)
        except binascii.Error as e:
            raise MessageError(f"media.payload is no base64: {e}") from e
        return rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2)


class _Mark(_Message):
    name: str


class Mark(_Message):
    """All sound before our mark of that name has been heard, or was cleared."""

    event: Literal["mark"]
    mark: _Mark


class _Dtmf(_Message):
    digit: Annotated[str, Field(pattern="^[0-9*#A-D]$")]


class Dtmf(_Message):
    """The caller pressed a key."""

    event: Literal["dtmf"]
    dtmf: _Dtmf


class Stop(_Message):
    """The call is over."""

    event: Literal["stop"]


Message = Connected | Start | Media | Mark | Dtmf | Stop
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="event")])


def read(text: str) -> Message | None:
    """Read a message.

    Returns:
        None for one of a kind that came after this was written.

    Raises:
        MessageError: It is malformed.
    """
    try:
        return _MESSAGE.validate_json(text)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        if first["type"] == "union_tag_invalid":
            return None
        where = ".".join(str(part) for part in first["loc"])
        raise MessageError(f"{where or 'message'}: {first['msg']}") from e


def media(stream: str, pcm: bytes) -> dict[str, Any]:
    """More sound to play after what was sent before.

    Args:
        stream: The stream's identifier.
        pcm: 16 bits, mono, at :data:`SAMPLE_RATE`.
    """
    payload = base64.b64encode(audioop.lin2ulaw(pcm, 2)).decode()
    return {"event": "media", "streamSid": stream, "media": {"payload": payload}}


def mark(stream: str, name: str) -> dict[str, Any]:
    """Ask to be told when all sound before it has been heard."""
    return {"event": "mark", "streamSid": stream, "mark": {"name": name}}


def clear(stream: str) -> dict[str, Any]:
    """Drop the sound that has not been played."""
    return {"event": "clear", "streamSid": stream}
