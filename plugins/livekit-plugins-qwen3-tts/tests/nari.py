"""A speech server with the interface of nari-qwen3-tts 0.1.0, and the ways in which it fails.

Its fields, answers and refusals are those of its HTTP interface at e8c5b2b; the words of its
refusals, too. It lists no voices, takes no recordings, and knows one model.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from .conftest import FaultServer, Request, refuses

_SPEAKERS = {
    *("aiden", "dylan", "eric", "ono_anna", "ryan", "serena", "sohee", "uncle_fu", "vivian"),
}
_LANGUAGES = {
    *("auto", "chinese", "english", "french", "german", "italian", "japanese", "korean"),
    *("portuguese", "russian", "spanish"),
}
# Every field of a request, by its kind; any other is refused.
_FIELDS: dict[type, str] = {
    str: "input model voice language instruct instructions response_format",
    bool: "stream non_streaming_mode do_sample subtalker_dosample ignore_eos"
    " skip_fixed_bootstrap_audio",
    int: "seed top_k subtalker_top_k max_new_tokens stream_chunk_frames stream_first_chunk_frames"
    " stream_steady_chunk_frames",
    float: "speed temperature top_p repetition_penalty subtalker_temperature subtalker_top_p",
    list: "stream_chunk_schedule",
}
_KINDS = {name: kind for kind, names in _FIELDS.items() for name in names.split()}


@dataclass
class NariServer(FaultServer):
    """A server that answers each request that it admits as its script says."""

    voices: list[str] | None = None
    refused: list[Request] = field(default_factory=list)
    """The requests that were not admitted."""
    capacity: int = 32
    """Requests at once, `--max-active-requests`; it has no queue."""
    lingers: float = 0.0
    """Seconds for which a request keeps its place after its client has gone: it notices at the
    next chunk of sound."""
    dead: bool = False
    """Whether the engine has failed: every request is refused until it is restarted."""
    replaced: bool = False
    """Whether a vllm-omni answers at its address by now."""
    active: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def die(self) -> None:
        """Fail as the whole engine does where the cache of one request cannot grow."""
        self.dead = True
        for writer in self._open:
            writer.transport.abort()

    def restart(self) -> None:
        """Be what it is after a restart."""
        self.dead = False
        self.active = 0

    async def _voices(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        await refuses("404 Not Found", {"detail": "Not Found"})(reader, writer, request)

    async def _speech(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        if self.replaced:
            await FaultServer._speech(self, reader, writer, request)
            return
        if refusal := self._refusal(request.body):
            self.refused.append(request)
            status, detail = refusal
            await refuses(status, {"detail": detail})(reader, writer, request)
            return
        self.active += 1
        self._open.add(writer)
        try:
            await self._answer(reader, writer, request)
        except ConnectionError:
            if not self.dead:
                await asyncio.sleep(self.lingers)
            raise
        finally:
            self._open.discard(writer)
            self.active = max(0, self.active - 1)

    def _refusal(self, body: dict[str, Any]) -> tuple[str, Any] | None:
        if wrong := [*_wrong(body)]:
            return "422 Unprocessable Entity", wrong
        if unsupported := self._unsupported(body):
            return "422 Unprocessable Entity", unsupported
        if self.dead:
            return "503 Service Unavailable", "Qwen3-TTS service is not ready: service_failed"
        if self.active >= self.capacity:
            return "429 Too Many Requests", "active request capacity exceeded"
        return None

    def _unsupported(self, body: dict[str, Any]) -> str | None:
        voice, language = body.get("voice", "aiden"), body.get("language", "auto")
        if body.get("model", self.model) != self.model:
            return f"unsupported model: {body['model']!r}"
        if body.get("speed", 1.0) != 1.0:
            return "Qwen3-TTS speed is fixed at 1.0"
        if not body["input"].strip():
            return "text cannot be empty or whitespace"
        if voice.lower().replace(" ", "_") not in _SPEAKERS:
            return f"unsupported speaker: {voice!r}"
        if language.lower() not in _LANGUAGES:
            return f"unsupported language: {language!r}"
        return None


def _wrong(body: dict[str, Any]) -> Any:
    """Yield what FastAPI says of each field that is missing, of a wrong type or unknown."""
    if "input" not in body:
        yield {"type": "missing", "loc": ["body", "input"], "msg": "Field required", "input": body}
    for name, value in body.items():
        kind = _KINDS.get(name)
        if kind is None:
            reason, text = "extra_forbidden", "Extra inputs are not permitted"
        elif type(value) is kind or (kind is float and type(value) is int) or value is None:
            continue
        else:
            reason, text = f"{kind.__name__}_type", f"Input should be a valid {kind.__name__}"
        yield {"type": reason, "loc": ["body", name], "msg": text, "input": value}
