"""The sections of a profile that name its engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
)

from .languages import LANGUAGES, Language, nearest, words


class Section(BaseModel):
    """A section of a profile: only what is known in it, and nothing of it is changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _given(secret: SecretStr) -> SecretStr:
    """Refuse an empty one: it looks like a lock, and whoever knows of it has the key."""
    if not secret.get_secret_value().strip():
        raise ValueError("it is empty: give it a value, or leave it out")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_given)]
"""A secret that is one."""


def _sendable(key: SecretStr) -> SecretStr:
    """Refuse what no HTTP header can carry; a line break at the end is what files add."""
    value = key.get_secret_value()
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("it holds a space, a line break or a letter that cannot be sent")
    return key


BearerToken = Annotated[Secret, AfterValidator(_sendable)]
"""A secret that is sent in a header."""


def _base(url: HttpUrl) -> HttpUrl:
    """Refuse an address that is not one below which requests have their own paths."""
    path = (url.path or "").rstrip("/")
    if not path:
        raise ValueError(f"{_plain(url)} has no path: vLLM's is /v1, so write {_plain(url)}/v1")
    for request in _REQUESTS:
        if path.endswith(request):
            raise ValueError(f"it ends in {request}, which is added to it: leave that out")
    if url.query or url.fragment:
        raise ValueError("it has a ? or a #, and requests have their own paths: leave it out")
    return url


def _plain(url: HttpUrl) -> str:
    """Its scheme, host and port: what may hold no secret."""
    parts = urlsplit(str(url))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


_REQUESTS = ("/chat/completions", "/completions", "/models", "/audio/speech") + (
    "/audio/transcriptions",
    "/realtime",
)

BaseUrl = Annotated[HttpUrl, AfterValidator(_base), Field(examples=["http://127.0.0.1:8000/v1"])]
"""The address of a service, to which requests add their own paths."""


class Engine(Section):
    """One of the three HTTP services."""

    base_url: BaseUrl
    """Address of the service, ending in ``/v1``."""
    model: str | None = None
    """Model name; asked from ``/v1/models`` when not given."""
    api_key: BearerToken | None = None
    """Bearer token, for a service that was started with ``--api-key``."""

    @property
    def url(self) -> str:
        """The address without a trailing slash, as HTTP clients want it."""
        return str(self.base_url).rstrip("/")

    @property
    def key(self) -> str | None:
        """The bearer token in clear."""
        return self.api_key.get_secret_value() if self.api_key else None


class Pool(Engine):
    """A service that several servers may share."""

    replicas: tuple[BaseUrl, ...] = ()
    """Further servers of the same model, each ending in ``/v1``."""

    @property
    def urls(self) -> list[str]:
        """The addresses of all servers."""
        return [self.url, *(str(replica).rstrip("/") for replica in self.replicas)]


def _yaml_off(value: object) -> object:
    """YAML reads a plain ``off`` as false."""
    return "off" if value is False else value


class LLMChoice(Pool):
    """A language model."""

    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    """How freely the model chooses its words; with 0 it always takes the likeliest."""
    max_tokens: Annotated[int, Field(ge=16, le=4096)] = 300
    """Longest reply, in tokens: 300 are about 90 seconds of speech."""
    extra_body: dict[str, Any] = {}
    """Further fields of each request, such as ``top_k``."""
    tools: bool = True
    """Offer the assistant's tools (time, calculator, unit converter) to the model."""
    audio: Annotated[Literal["off", "beside", "instead"], BeforeValidator(_yaml_off)] = "off"
    """Give a model that hears (Qwen-Omni, Ultravox, Voxtral) the sound of the user's turn, beside
    its transcript or instead of it."""
    images: bool = False
    """Give a model that sees the latest picture of the user's shared screen or camera."""


class LLMSettings(LLMChoice):
    """The language model."""

    fallback: LLMChoice | None = None
    """A second choice, of another model or on another server, that answers when the first fails or
    says nothing for 3 s. It is left when the first is well."""


class STTChoice(Engine):
    """A speech recogniser."""

    realtime: bool | None = None
    """Whether to stream over ``/v1/realtime``, or to send each utterance whole to
    ``/v1/audio/transcriptions``; what the service offers when not given."""


class STTSettings(STTChoice):
    """The speech recogniser."""

    fallback: STTChoice | None = None
    """A second choice that gets the same speech when the first fails at it."""


class TTSChoice(Pool):
    """A speech synthesiser."""

    voice: dict[Language, str] = {}
    """Voice by language; the server's default where none is given."""
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = LANGUAGES
    """Languages that it speaks. A user of another one is understood, and answered in English, or in
    the first of these."""
    instructions: Annotated[str, Field(max_length=500)] | None = None
    """Manner of speaking, in words, for checkpoints that take it. vllm-omni's limit is 500."""

    def spoken(self, language: Language) -> Language:
        """The language in which a user of one is answered."""
        return nearest(language, self.languages)

    def voice_of(self, language: Language | None) -> str | None:
        """The voice for a user of a language; None for the server's default.

        Where the language is not known it is the voice of all of them, if that is one.
        """
        if language:
            return self.voice.get(self.spoken(language))
        voices = {self.voice.get(each) for each in self.languages}
        return voices.pop() if len(voices) == 1 else None

    def limits(self, wanted: Sequence[Language] = LANGUAGES) -> str | None:
        """One sentence about the languages that it does not speak; None if there are none.

        Args:
            wanted: Those that it is to speak.
        """
        lacking = [each for each in wanted if each not in self.languages]
        if not lacking:
            return None
        names, spoken = (words(each).name for each in lacking), self.spoken(lacking[0])
        return (
            f"The voice of this profile does not speak {', '.join(names)}: whoever does is"
            f" understood, and answered in {words(spoken).name}."
        )


def _of_any(voices: object) -> object:
    """Voices in a list speak every language; no voices are none of a language."""
    if isinstance(voices, list | tuple):
        voices = {"any": voices}
    if not isinstance(voices, dict):
        raise ValueError("it must be a list, or a list for each language")
    return {language: names for language, names in voices.items() if names not in ([], ())}


VoiceName = Annotated[str, Field(min_length=1, max_length=100)]
_Voices = tuple[VoiceName, ...]
_ByLanguage = dict[Literal[Language, "any"], _Voices]
VoiceChoice = Annotated[
    _ByLanguage, BeforeValidator(_of_any, json_schema_input_type=_Voices | _ByLanguage)
]
"""Voices to choose from: those that speak every language in a list, others by language."""


def languages_of(voices: VoiceChoice) -> dict[str, list[Literal[Language, "any"]]]:
    """What each voice speaks, in the order in which they are offered.

    Args:
        voices: The voices.
    """
    spoken: dict[str, list[Literal[Language, "any"]]] = {}
    for language, names in voices.items():
        for name in names:
            spoken.setdefault(name, []).append(language)
    return spoken


class TTSSettings(TTSChoice):
    """The speech synthesiser."""

    voices: VoiceChoice = {}
    """Voices that a visitor of the page may choose from, where the agent lists none of its own: a
    list, or a list for each language (``{en: [af_heart], zh: [zf_xiaoxiao]}``) if a voice does not
    speak all of them."""

    fallback: TTSChoice | None = None
    """A second choice that speaks what the first cannot, a unit of a reply or the rest of one."""
