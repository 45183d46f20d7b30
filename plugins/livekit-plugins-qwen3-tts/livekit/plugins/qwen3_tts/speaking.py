"""Who speaks a unit: the servers of one voice, or those of a second one where they fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from livekit.agents import APIError

from .client import Deadlines, OnWords, RefusedError
from .discovery import Discovery, ServerInfo, is_about_names
from .log import logger
from .measure import syllables
from .options import TTSOptions
from .playback import Pace
from .replicas import Replicas
from .served import Told
from .style import Style
from .voice import SpeechRequest, Voice

# Seconds that servers which keep silent may take while there is a second voice; healthy ones begin
# within one.
_WAIT_BEFORE_SECOND = 3.0


class Speaker:
    """The servers of one voice, and what they have.

    Args:
        replicas: The servers.
        pace: Tells how long a text will sound.
        discovery_timeout: Seconds to wait for what they say of themselves.
    """

    def __init__(self, replicas: Replicas, pace: Pace, discovery_timeout: float) -> None:
        self._replicas = replicas
        self._voice = Voice(replicas, pace)
        self.discovery = Discovery(replicas, discovery_timeout)

    @property
    def down(self) -> bool:
        """Whether they have failed, and are left alone for the moment."""
        return self._replicas.down

    @property
    def answered_by(self) -> str:
        """Address of the one that spoke last."""
        return self._voice.answered_by

    async def speak(
        self,
        spoken: str,
        opts: TTSOptions,
        style: Style,
        deadlines: Deadlines,
        on_words: OnWords | None,
        on_sent: Callable[[str], None],
        told: Told,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the sound of a unit.

        Args:
            spoken: The text, as it is to be read.
            opts: The options of the request.
            style: The style of the unit.
            deadlines: The longest wait for each step; the limit holds for all of them together.
            on_words: Takes the words of the server's forced aligner.
            on_sent: Called with the text as it is sent.
            told: Is told who speaks, and who fails to.

        Raises:
            APIError: As `Voice.speak` does.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + deadlines.limit
        # A server that does not tell what it has may speak all the same.
        info = await self.discovery.checked(
            model=opts.model,
            voice=opts.voice,
            language=opts.language,
            within=deadlines.limit / 2,
        )
        on_sent(spoken)
        request = SpeechRequest(spoken, _fields(info, opts, style), on_words)
        heard = False
        try:
            deadlines = replace(deadlines, limit=until - clock())
            async with contextlib.aclosing(self._voice.speak(request, deadlines, told)) as chunks:
                async for chunk in chunks:
                    heard = True
                    yield chunk
            return
        except RefusedError as e:
            if heard or not is_about_names(e):
                raise
            info = await self.discovery.again()
            fields = _fields(info, opts, style)
            if fields == request.fields and style.voice:
                # One that lists no voices may lack the one that the language model made up.
                fields = _fields(info, opts, replace(style, voice=None))
            if fields == request.fields:
                raise
        # What was discovered once is not there any more, or never was.
        request = replace(request, fields=fields)
        deadlines = replace(deadlines, limit=until - clock())
        async with contextlib.aclosing(self._voice.speak(request, deadlines, told)) as chunks:
            async for chunk in chunks:
                yield chunk


@dataclass(frozen=True)
class Choice:
    """A voice that may speak a unit."""

    speaker: Speaker
    opts: TTSOptions
    told: Told
    """Is told who speaks, and who fails to."""


async def speak_unit(
    choices: Sequence[Choice],
    spoken: str,
    style: Style,
    deadlines: Deadlines,
    on_words: OnWords | None,
    on_sent: Callable[[str], None],
) -> AsyncGenerator[bytes, None]:
    """Yield the sound of a unit from the first voice that makes any; see `Speaker.speak`.

    Args:
        choices: The voices, the first choice first.
        spoken: The text, as it is to be read.
        style: The style of the unit.
        deadlines: The longest wait for each step.
        on_words: Takes the words of the server's forced aligner.
        on_sent: Called once, as the text is sent.
    """
    if not syllables(spoken):
        return
    clock = asyncio.get_running_loop().time
    until = clock() + deadlines.limit
    sent_before: list[str] = []

    def sent(text: str) -> None:
        if not sent_before:
            on_sent(text)
        sent_before.append(text)

    # The second choice comes first while the first one fails.
    order = sorted(choices, key=lambda choice: choice.speaker.down)
    failed: APIError | None = None
    for choice in order:
        last = choice is order[-1]
        left = until - clock()
        limit = left if last else min(left / 2, _WAIT_BEFORE_SECOND)
        within = replace(deadlines, limit=limit)
        sound = choice.speaker.speak(
            spoken, choice.opts, style, within, on_words, sent, choice.told
        )
        heard = False
        try:
            async with contextlib.aclosing(sound):
                async for chunk in sound:
                    heard = True
                    yield chunk
            return
        except APIError as e:
            if heard:
                raise
            if last:
                # One that may be well in a moment is worth another attempt.
                raise failed if failed and failed.retryable else e from None
            failed = e
            logger.warning("asking the second voice", extra={"error": str(e)})


def _fields(info: ServerInfo, opts: TTSOptions, style: Style) -> tuple[tuple[str, Any], ...]:
    if not info.has_voice(style.voice):
        # The language model made it up; that is no reason to fall silent.
        logger.warning("style asks for an unknown voice", extra={"voice": style.voice})
        style = replace(style, voice=None)
    return opts.fields(info, style)
