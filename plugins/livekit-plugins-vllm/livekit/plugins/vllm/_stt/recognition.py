"""What both transports share: an utterance being recognised, and its transcript."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from livekit.agents import LanguageCode

from ..log import logger
from .guards import Segment, suspicion
from .inventions import without_marks

# What Whisper, Qwen3-ASR and Voxtral hear, and what /v1/realtime accepts.
SAMPLE_RATE = 16000
BYTES_PER_SECOND = SAMPLE_RATE * 2

# Least confidence in words of which the beginning alone is known: a mean log probability of -0.9,
# as for the words of an interruption in livekit-plugins-turn-taking.
PROBABLE = 0.41


@dataclass(frozen=True)
class RecognitionOptions:
    """Options for recognising one utterance.

    Attributes:
        language: ISO 639-1 code ("zh"), or ``None`` to let the server detect it.
        prompt: Text that biases the model, or ``None``.
        timeout: Seconds allowed for one request.
    """

    language: str | None
    prompt: str | None
    timeout: float


@dataclass(frozen=True)
class Transcript:
    """The server's transcript of an utterance.

    Attributes:
        text: The words, without tags of the model.
        language: The language passed or detected; "" when neither is known.
        confidence: 0 to 1; 0.0 when the server does not say.
        request_id: The server's id for the request, where it gives one.
        segments: The server's own certainty per piece, where it gives it.
        prompt: The prompt that the request really carried.
        input_tokens: Tokens of audio and prompt, where the server counts them.
        output_tokens: Tokens of text, where the server counts them.
    """

    text: str
    language: LanguageCode = field(default_factory=lambda: LanguageCode(""))
    confidence: float = 0.0
    request_id: str = ""
    segments: tuple[Segment, ...] = ()
    prompt: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0


def doubt(heard: Transcript, *, voiced: float | None) -> str | None:
    """Why nobody can have said a transcript, or ``None`` if somebody can.

    Args:
        heard: The transcript as the server gave it.
        voiced: Seconds of voice in the audio, or ``None`` if it was not measured.
    """
    text = without_marks(heard.text)
    return suspicion(text, voiced=voiced, segments=heard.segments, prompt=heard.prompt)


def believable(heard: Transcript, *, voiced: float | None) -> Transcript:
    """The transcript, with an empty text if nobody can have said it.

    Args:
        heard: The transcript as the server gave it.
        voiced: Seconds of voice in the audio, or ``None`` if it was not measured.
    """
    reason = doubt(heard, voiced=voiced)
    if reason is None:
        return replace(heard, text=without_marks(heard.text))
    if heard.text:
        logger.info("transcript dropped", extra={"reason": reason})
        logger.debug("dropped transcript", extra={"lk.pii.transcript": heard.text})
    return replace(heard, text="", confidence=0.0)


def is_probable(heard: Transcript) -> bool:
    """Whether there are words, and the server, where it says how sure it is, believes in them."""
    return bool(heard.text) and not 0.0 < heard.confidence < PROBABLE


class Recognition(Protocol):
    """One utterance on a server."""

    def push(self, pcm: bytes) -> None:
        """Add audio: PCM16, 16 kHz, mono."""
        ...

    async def decode(self) -> Transcript:
        """Recognise everything pushed so far.

        May be cancelled, which ends the server's work too, and called again with more audio.

        Raises:
            APIError: The request failed; the audio is kept, so the call can be repeated.
        """
        ...

    async def aclose(self) -> None:
        """End the server's work on the utterance. May be called twice."""
        ...


class Transport(Protocol):
    """A way to the server.

    Attributes:
        streams: Whether text comes while the audio is still being pushed.
    """

    streams: bool

    def open(
        self, options: RecognitionOptions, *, on_partial: Callable[[str], None] | None = None
    ) -> Recognition:
        """Begin an utterance.

        Args:
            options: Language, prompt and deadline of this utterance.
            on_partial: Called with the text so far where the server streams it.
        """
        ...
