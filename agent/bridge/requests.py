"""What a client may ask, read and checked."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from livekit import rtc
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from agent.body import BodyError, read_body
from agent.refusal import invalid, refusal
from agent.settings import BridgeSettings, Language

from .wav_file import WavError, read_wav

_NAME = Field(min_length=1, max_length=100, description="A name of the client's choice.")
_Text = Annotated[str, Field(min_length=1, description="What to say.")]
_Voice = Annotated[
    str | None, Field(max_length=100, description="Speaker; the profile's if not given.")
]
_Language = Annotated[
    Language | None, Field(description="The profile's if not given, else detected.")
]


M = TypeVar("M", bound=BaseModel)

_BODY_SECONDS = 10.0
"""Longest time for a request to arrive: a minute of sound over a line of 10 Mbit/s."""


class Refused(Exception):
    """A request that is not served; the text is the sentence for its client."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers

    def response(self) -> Response:
        """The refusal as this project writes it everywhere."""
        return refusal(self.status, self.code, str(self), self.headers)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ChatRequest(_Body):
    """Something that the user says, as text or as a recording."""

    text: Annotated[str | None, Field(min_length=1, description="The user's words.")] = None
    audio: Annotated[
        str | None, Field(description="Or a recording of them: a WAV file of 16 bits, base64.")
    ] = None
    conversation: Annotated[str | None, _NAME] = None
    language: _Language = None
    voice: _Voice = None
    stream_format: Annotated[
        Literal["audio", "events"],
        Field(description="Bare audio, or server-sent events of text and audio."),
    ] = "audio"
    response_format: Annotated[
        Literal["pcm", "wav"], Field(description="With or without a WAV header.")
    ] = "pcm"


class SpeechRequest(_Body):
    """A text to be spoken, as OpenAI's API has it."""

    input: _Text
    model: Annotated[str | None, Field(description="Not used: the profile names the model.")] = None
    voice: _Voice = None
    language: _Language = None
    instructions: Annotated[
        str | None, Field(max_length=500, description="The manner of speaking, in words.")
    ] = None
    response_format: Annotated[
        Literal["pcm", "wav"], Field(description="With or without a WAV header.")
    ] = "wav"
    stream_format: Annotated[Literal["audio"], Field(description="Bare audio.")] = "audio"


class StopRequest(_Body):
    """Ends the reply of a conversation."""

    conversation: Annotated[str, _NAME]
    played_ms: Annotated[
        float | None,
        Field(
            ge=0,
            allow_inf_nan=False,
            description="How much the client has played; by our clock if not given.",
        ),
    ] = None


async def read_chat(request: Request, limits: BridgeSettings) -> ChatRequest:
    """Read a turn: JSON, or a bare WAV file with everything else in the query.

    Raises:
        Refused: It is too long or malformed.
    """
    if _content_type(request) == "audio/wav":
        data = await _body(request, limits)
        fields = {**request.query_params, "audio": base64.b64encode(data).decode()}
        chat = _validated(lambda: ChatRequest.model_validate(fields))
    else:
        chat = await read_json(ChatRequest, request, limits)
    if (chat.text is None) == (chat.audio is None):
        raise Refused(400, "bad_request", "Send either text or audio.")
    check_length("text", chat.text or "", limits)
    return chat


async def read_json(kind: type[M], request: Request, limits: BridgeSettings) -> M:
    """Read a JSON body.

    Raises:
        Refused: It is too long or malformed, or not declared as JSON: a page of another site can
            send a browser's user here, but not with this content type.
    """
    if _content_type(request) != "application/json":
        raise Refused(415, "bad_type", "Send Content-Type: application/json.")
    body = await _body(request, limits)
    return _validated(lambda: kind.model_validate_json(body))


def check_length(field: str, text: str, limits: BridgeSettings) -> None:
    """Refuse a text that is too long.

    Raises:
        Refused: It is too long.
    """
    if len(text) > limits.max_characters:
        raise Refused(
            413,
            "too_long",
            f"{field} has {len(text)} characters, and at most {limits.max_characters} are taken: "
            "send it in parts.",
        )


def recording(chat: ChatRequest, limits: BridgeSettings) -> rtc.AudioFrame:
    """Decode the recording of a turn.

    Raises:
        Refused: It is not a WAV file of 16 bits, or too long.
    """
    try:
        data = base64.b64decode(chat.audio or "", validate=True)
    except ValueError as e:
        raise Refused(400, "bad_audio", "audio is not base64.") from e
    try:
        sound = read_wav(data)
    except WavError as e:
        raise Refused(400, "bad_audio", f"audio {e}.") from e
    if sound.duration > limits.max_seconds:
        raise Refused(
            413, "too_long", f"audio is longer than {limits.max_seconds:g} s: send it in parts."
        )
    return sound


async def _body(request: Request, limits: BridgeSettings) -> bytes:
    # Base64 of 48 kHz stereo, or four bytes a character and room for the other fields.
    most = int(max(limits.max_seconds * 48_000 * 4 * 4 / 3, limits.max_characters * 6)) + 4096
    try:
        return await read_body(request, most=most, within=_BODY_SECONDS)
    except BodyError as e:
        raise Refused(e.status, e.code, str(e)) from e


def _content_type(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return {"audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}.get(kind, kind)


def _validated(read: Callable[[], M]) -> M:
    try:
        return read()
    except ValidationError as e:
        raise Refused(400, "bad_request", invalid(e)) from e
