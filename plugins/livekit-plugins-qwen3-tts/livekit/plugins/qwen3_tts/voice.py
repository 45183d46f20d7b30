"""Turns one unit into sound on one of the servers, asked again if it fails unheard."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any

from livekit.agents import APIConnectionError, APIError, APIStatusError

from .client import BYTES_PER_SECOND, Deadlines, OnWords, RefusedError
from .log import logger
from .measure import syllables
from .playback import Pace
from .replicas import Replica, Replicas
from .served import Told
from .sound_check import NoAudioError, SoundCheck

# The codec makes 12.5 frames a second, and the engine's context is 4096 of them.
_FRAMES_PER_SECOND = 12.5
_MOST_FRAMES = 4096

# What a server refuses for its own sake: its key, its address, its model, its load. Another one
# may well take the same text.
_OWN_REFUSALS = frozenset(
    {401, 402, 403, 404, 405, 407, 408, 409, 413, 415, 421, 423, 425, 426, 429, 431, 451}
)
# The ones that a moment cures; 503 is one of them only if the server says how long that is.
_BUSY = frozenset({408, 409, 425, 429})
# Seconds that a busy server is left alone if it does not say for how long.
_MOMENT = 0.5
# How often one unit is asked for on one server, with busy answers and without.
_MOST_WAITS = 3
_MOST_ATTEMPTS = 2
# Seconds beyond its limit after which a server is taken not to keep to it.
_BEYOND = 2.0
# Less time than this left is no use for another attempt.
_SHORTEST = 0.05


def is_about_the_text(error: APIError) -> bool:
    """Whether a failure is the text's rather than the server's, so that others may be spoken."""
    if isinstance(error, APIStatusError):
        return 400 <= error.status_code < 500 and error.status_code not in _OWN_REFUSALS
    return isinstance(error, NoAudioError)


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
    def most_frames(self) -> int:
        """A limit for a model that never stops, in frames of the codec."""
        # Three times the ordinary length, and four seconds for a slow manner of a short text.
        seconds = 3 * 0.22 * syllables(self.text) + 4
        return min(_MOST_FRAMES, math.ceil(seconds * _FRAMES_PER_SECOND))

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the request."""
        fields = dict(self.fields)
        return {"input": self.text, **fields, "max_new_tokens": self.most_frames}


class Voice:
    """All servers, used as one.

    Args:
        replicas: The servers.
        pace: Tells how long a text will sound.
    """

    def __init__(self, replicas: Replicas, pace: Pace) -> None:
        self._replicas = replicas
        self._pace = pace
        self.answered_by = next(iter(replicas)).base_url
        """Address of the server that spoke last."""

    async def speak(
        self, request: SpeechRequest, deadlines: Deadlines, told: Told
    ) -> AsyncGenerator[bytes, None]:
        """Yield the PCM of a unit, from its first sound on or a little before.

        A request that fails before its first sound is sent once more, to another server if there
        is one; so is one that is answered with noise. So is one that a server refuses on its own
        account, but never again to that server; a busy one is left alone for as long as it says,
        if that ends before the deadline. One that fails later raises: what was heard cannot be
        taken back.

        Raises:
            APIError: As `SpeechClient.speech` and `SoundCheck.push` do, after the last failure.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + deadlines.limit
        failed: list[Replica] = []
        attempts = waits = 0
        while True:
            replica = self._replicas.choose(avoid=failed)
            if pause := self._replicas.pause(replica):
                if pause.seconds + _SHORTEST > until - clock() or waits >= _MOST_WAITS:
                    raise pause.error
                waits += 1
                await asyncio.sleep(pause.seconds)
                continue
            others = len({*failed, replica}) < len(self._replicas)
            left = until - clock()
            heard = False
            try:
                async with contextlib.aclosing(
                    # One that keeps silent leaves the next one half of the time.
                    self._speak_on(
                        replica, request, replace(deadlines, limit=left / 2 if others else left)
                    )
                ) as chunks:
                    async for chunk in chunks:
                        if not heard:
                            self.answered_by = replica.base_url
                            told.answered(replica, bool({*failed} - {replica}))
                        heard = True
                        yield chunk
                if not heard:
                    # Another take will not be silent.
                    raise NoAudioError(f"TTS server {replica.base_url} sent no audio")
            except APIError as e:
                told.failed(replica, e)
                if not heard and _is_refusal(e):
                    raise
                status = e.status_code if isinstance(e, APIStatusError) else None
                wanted = e.retry_after if isinstance(e, RefusedError) and e.retryable else None
                busy = status in _BUSY or wanted is not None
                if busy:
                    self._replicas.busy(replica, _MOMENT if wanted is None else wanted, e)
                else:
                    self._replicas.failed(replica)
                if heard or until - clock() < _SHORTEST:
                    raise
                failed.append(replica)
                if not busy and (status in _OWN_REFUSALS or not e.retryable):
                    if not others:
                        raise
                elif not busy:
                    attempts += 1
                    if attempts >= max(_MOST_ATTEMPTS, len(self._replicas)):
                        raise
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
                check = SoundCheck(replica.base_url)
                heard = False
                left = (request.most_frames / _FRAMES_PER_SECOND + _BEYOND) * BYTES_PER_SECOND
                async for chunk in chunks:
                    left -= len(chunk)
                    if left < 0:
                        # A server that does not know the limit would go on for ever.
                        if heard:
                            raise APIConnectionError(
                                f"TTS server {replica.base_url} went on long after the text"
                            )
                        return
                    if sound := check.push(chunk):
                        heard = True
                        yield sound
                if sound := check.finish():
                    yield sound


def _is_refusal(error: APIError) -> bool:
    return isinstance(error, APIStatusError) and is_about_the_text(error)
