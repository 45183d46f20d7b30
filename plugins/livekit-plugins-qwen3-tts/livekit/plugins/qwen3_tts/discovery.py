"""What a server has: its model, voices and languages."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from livekit.agents import APIError, APIStatusError
from livekit.agents.utils import aio

from .client import SpeechClient
from .halves import whole
from .log import logger
from .models import LANGUAGE_NAMES
from .replicas import Replicas

_NAMES = re.compile(r"\b(model|voice|speaker|language)s?\b", re.IGNORECASE)


@dataclass(frozen=True)
class ServerInfo:
    """What a server says of itself; empty where it says nothing."""

    models: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def has_voice(self, voice: str | None) -> bool:
        """Whether the server has a voice, as far as it says."""
        return not (voice and self.voices) or voice.lower() in map(str.lower, self.voices)

    def check(self, *, model: str | None, voice: str | None, language: str | None) -> None:
        """Raise if one of the names is unknown to the server.

        Raises:
            APIError: A name is unknown; the message lists what there is, and it is never retried.
        """
        for kind, name, known in (
            ("model", model, self.models),
            ("voice", voice, self.voices),
            ("language", language, self.languages),
        ):
            names = {entry.lower() for entry in known}
            if name and kind == "language":
                # Some servers list "Chinese", some "zh" or "zh-CN".
                primary = {entry.replace("_", "-").partition("-")[0] for entry in names}
                names |= {LANGUAGE_NAMES[tag].lower() for tag in primary & LANGUAGE_NAMES.keys()}
            if name and names and name.lower() not in names and name.lower() != "auto":
                raise APIError(
                    f"the TTS server has no {kind} {name!r}; it has: {', '.join(known)}",
                    retryable=False,
                )


async def discover(client: SpeechClient, within: float) -> ServerInfo:
    """Ask a server for its models, its voices and, if it lists them, its languages.

    Args:
        client: The server.
        within: Seconds to wait for its answers.

    Raises:
        APIError: The server could not be asked.
    """
    models, voices = await asyncio.gather(
        client.get_json("/models", within), client.get_json("/audio/voices", within)
    )
    models, voices = _dict(models), _dict(voices)
    return ServerInfo(
        models=_names(models.get("data")),
        # vllm-omni lists voices uploaded at run time apart from the checkpoint's own.
        voices=_names(voices.get("voices")) + _names(voices.get("uploaded_voices")),
        languages=_names(voices.get("languages")),
    )


class Discovery:
    """Asks the servers what they have, once, and again when a name is unknown.

    Args:
        replicas: The servers, taken to be alike: the first that answers speaks for all.
        within: Seconds to wait for an answer.
    """

    def __init__(self, replicas: Replicas, within: float) -> None:
        self._replicas = replicas
        self._within = within
        self._task: asyncio.Task[ServerInfo] | None = None
        self.info: ServerInfo | None = None
        """The last answer."""

    def start(self) -> asyncio.Task[ServerInfo]:
        """Ask in the background; replies that wait for the answer share it."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask(), name="qwen3_tts discovery")
        return self._task

    async def checked(
        self, *, model: str | None, voice: str | None, language: str | None, within: float
    ) -> ServerInfo:
        """Return what the servers have, after checking these names against it.

        Args:
            model: The model that is wanted, if any.
            voice: The voice.
            language: The language.
            within: Seconds to wait for the first answer; nothing is known after them.

        Raises:
            APIError: One of the names is unknown; see `ServerInfo.check`.
        """
        info = self.info
        if info is None:
            try:
                async with asyncio.timeout(within):
                    info = await asyncio.shield(self.start())
            except TimeoutError:
                return ServerInfo()  # the unit itself will say what is wrong
        try:
            info.check(model=model, voice=voice, language=language)
        except APIError:
            # A voice may have been uploaded since.
            info = await asyncio.shield(self.start())
            info.check(model=model, voice=voice, language=language)
        return info

    async def again(self) -> ServerInfo:
        """Return what the servers have by now: one may have come back with another model."""
        if self._task is not None and self._task.done():
            self.info = None
        return await asyncio.shield(self.start())

    async def aclose(self) -> None:
        """Stop asking; may be called twice."""
        if self._task:
            await aio.cancel_and_wait(self._task)

    async def _ask(self) -> ServerInfo:
        for replica in self._replicas:
            try:
                self.info = await discover(replica.client, self._within)
            except APIError as e:
                # The unit itself will report what is wrong to whoever waits for its sound.
                logger.debug("server did not describe itself", extra={"error": str(e)})
            else:
                return self.info
        return ServerInfo()


def is_about_names(refusal: APIStatusError) -> bool:
    """Return whether a server refuses a name that it may have had before: its model, a voice."""
    return refusal.status_code in (400, 404, 422) and bool(_NAMES.search(refusal.message))


def _dict(answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else {}


def _names(entries: Any) -> tuple[str, ...]:
    if not isinstance(entries, list):
        return ()
    named = (e.get("id") or e.get("name") if isinstance(e, dict) else e for e in entries)
    return tuple(whole(name) for name in named if isinstance(name, str))
