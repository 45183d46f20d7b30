"""Turns one unit into sound on one of the servers, retried once if it fails unheard."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from livekit.agents import APIConnectionError, APIError, APIStatusError

from .client import Deadlines, OnWords
from .log import logger
from .measure import syllables
from .playback import Pace
from .replicas import Replica, Replicas

# The codec makes 12.5 frames a second, and the engine's context is 4096 of them.
_FRAMES_PER_SECOND = 12.5
_MOST_FRAMES = 4096


@dataclass(frozen=True)
class SpeechRequest:
    """What a server is asked for one unit."""

    text: str
    """The text to be spoken."""
    fields: tuple[tuple[str, Any], ...]
    """The other fields of the request, as vllm-omni names them."""
    on_words: OnWords | None = None
    """Takes the words of the server's forced aligner; the audio then comes in one piece."""

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the request, with a limit for a model that never stops."""
        # Three times the ordinary length, and four seconds for a slow manner of a short text.
        seconds = 3 * 0.22 * syllables(self.text) + 4
        frames = min(_MOST_FRAMES, math.ceil(seconds * _FRAMES_PER_SECOND))
        return {"input": self.text, **dict(self.fields), "max_new_tokens": frames}


class Voice:
    """All servers, used as one.

    Args:
        replicas: The servers.
        pace: Tells how long a text will sound.
    """

    def __init__(self, replicas: Replicas, pace: Pace) -> None:
        self._replicas = replicas
        self._pace = pace

    async def speak(
        self, request: SpeechRequest, deadlines: Deadlines
    ) -> AsyncGenerator[bytes, None]:
        """Yield the PCM of a unit.

        A request that fails before its first byte is sent once more, to another server if there
        is one. One that fails later raises: what was heard cannot be taken back.

        Raises:
            APIError: The unit failed twice; the errors are those of `SpeechClient.speech`.
        """
        failed: Replica | None = None
        for attempt in (1, 2):
            replica = self._replicas.choose(avoid=failed)
            heard = False
            try:
                async with contextlib.aclosing(
                    self._speak_on(replica, request, deadlines)
                ) as chunks:
                    async for chunk in chunks:
                        heard = True
                        yield chunk
                if not heard:
                    # The model may happen to end on its first frame: a second take will not.
                    raise APIConnectionError(f"TTS server {replica.base_url} sent no audio")
            except APIError as e:
                if _is_refusal(e):
                    raise
                self._replicas.failed(replica)
                if heard or attempt == 2:
                    raise
                failed = replica
                logger.warning(
                    "unit failed before its first audio, trying again",
                    extra={"server": replica.base_url, "error": str(e)},
                )
            else:
                self._replicas.succeeded(replica)
                return

    async def _speak_on(
        self, replica: Replica, request: SpeechRequest, deadlines: Deadlines
    ) -> AsyncGenerator[bytes, None]:
        with self._replicas.lease(replica, self._pace.seconds(syllables(request.text))):
            # An abandoned generator would keep its socket until it is collected.
            async with contextlib.aclosing(
                replica.client.speech(request.body, deadlines, request.on_words)
            ) as chunks:
                async for chunk in chunks:
                    yield chunk


def _is_refusal(error: APIError) -> bool:
    return isinstance(error, APIStatusError) and 400 <= error.status_code < 500
