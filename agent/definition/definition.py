"""An agent as it was read and checked, and what a conversation takes from it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from livekit.agents.llm import FunctionTool, RawFunctionTool, Tool, Toolset
from pydantic import BaseModel, ValidationError

from agent.engine_settings import languages_of
from agent.knowledge_settings import KnowledgeSettings
from agent.languages import LANGUAGES, Language, words
from agent.memory_settings import MemorySettings
from agent.phone_settings import PhoneSettings
from agent.post_call_settings import PostCallSettings
from agent.settings import Settings
from agent.wrong import SettingsError, in_file, places, sentences

from .http_tool import http_tool
from .settings import PLACEHOLDER, AgentSettings

if TYPE_CHECKING:
    from agent.assistant import Assistant

logger = logging.getLogger("parley")

M = TypeVar("M", bound=BaseModel)

_ANY_LANGUAGE = (
    "Answer in the language of the user, 用户说中文就用中文回答, in one or two short sentences. "
    "Say the answer first. Plain words only: no lists, no markdown, no code, no emoji."
)
"""How answers are spoken where the language is not known."""


@dataclass(frozen=True)
class AgentDefinition:
    """Who holds a conversation."""

    settings: AgentSettings
    """What ``agent.yaml`` says."""
    source: Path
    """The folder, or the Python file, that it is."""
    key: str
    """The name by which calls ask for it."""
    functions: Sequence[FunctionTool[..., Any] | RawFunctionTool[..., Any]] = ()
    """The tools that it brings."""
    kind: type[Assistant] | None = None
    """The class that it brings; the package's own if None."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What this call says of itself."""
    voice: str | None = None
    """The voice that this call asks for."""

    def tools(self) -> list[Tool | Toolset]:
        """What it brings to a conversation beside the package's tools, for that one alone."""
        http = self.settings.http_tools
        variables = {**self.settings.variables, **self.variables}
        tools: list[Tool | Toolset] = [
            *self.functions,
            *(http_tool(name, settings, variables) for name, settings in http.items()),
        ]
        servers = self.settings.mcp_servers
        if servers:
            # A second of imports, for those who want it.
            from .mcp_tools import AllowedTools

            taken = [*self.given_tools, *(tool.id for tool in tools)]
            for name, server in servers.items():
                tools.append(AllowedTools(name, server, self._folder, tuple(taken)))
                taken += server.allow
        return tools

    @property
    def logo(self) -> Path | None:
        """Its picture on the page; None if it has none."""
        own = self.settings.page.logo
        return self._folder / own if own else None

    @property
    def documents(self) -> Path | None:
        """The folder of documents that it answers from; None if there is none."""
        if own := self.settings.knowledge:
            return self._folder / own.folder
        beside = self.source / KnowledgeSettings().folder
        return beside if beside.is_dir() else None

    @property
    def given_tools(self) -> list[str]:
        """Names of the tools that it has of the package's."""
        lookup = ["look_up"] if self.documents else []
        memory = ["remember_me", "forget_me"] if self.settings.memory else []
        return [*self.settings.builtin_tools, *lookup, *memory]

    @property
    def tool_names(self) -> list[str]:
        """Names of all tools that it may have, those of its MCP servers as it allows them."""
        servers = self.settings.mcp_servers.values()
        return [
            *self.given_tools,
            *(tool.info.name for tool in self.functions),
            *self.settings.http_tools,
            *(name for server in servers for name in server.allow),
        ]

    @property
    def _written(self) -> Path:
        """The file that says what the settings are."""
        return self.source / "agent.yaml" if self.source.is_dir() else self.source

    @property
    def _folder(self) -> Path:
        return self.source if self.source.is_dir() else self.source.parent

    def instructions(self, language: Language | None, *, in_parts: bool) -> str:
        """The system prompt.

        Args:
            language: The language of the conversation, or None while it is not known.
            in_parts: Whether the model is told to give long answers in parts.
        """
        told = self._fill(self._text(self.settings.instructions, language)).rstrip()
        if self.settings.manner:
            told = _joined(told, words(language).assistant.answers if language else _ANY_LANGUAGE)
        parts = words(language or "en").assistant.in_parts
        return _joined(told, parts) if in_parts else told

    def greeting(self, language: Language | None) -> str:
        """The first words; empty if there are none."""
        own = self.settings.greeting
        known = language or self.usual or "en"
        return self._fill(own.get(known, own.get("any", words(known).assistant.greeting)))

    @property
    def usual(self) -> Language | None:
        """The language that it speaks if nothing else is known; None if any is as good."""
        return self.settings.languages[0] if self.settings.languages else None

    def speaks(self, language: Language) -> bool:
        """Whether it speaks a language."""
        return not self.settings.languages or language in self.settings.languages

    def spoken(self, language: Language | None) -> Language | None:
        """The language to speak with a user of this one; None to follow the user."""
        if language and self.speaks(language):
            return language
        return self.usual if language or len(self.settings.languages) == 1 else None

    def toolless(self, profile: Settings) -> str:
        """That a profile offers its model none of the agent's own tools; empty if it does."""
        own = self.settings
        tools = [*(t.info.name for t in self.functions), *own.http_tools, *own.mcp_servers]
        if not tools or self._over(profile.llm, own.engines.llm, "engines.llm").tools:
            return ""
        return (
            f"{self.key} answers without its tools ({', '.join(tools)}): llm.tools is false, since "
            "the model of the profile is too small to call them well."
        )

    def limits(self, profile: Settings) -> list[str]:
        """What a profile cannot do for it, in sentences: languages without a voice, tools.

        Raises:
            SettingsError: It asks for what there is not.
        """
        voiceless = self.over(profile).tts.limits(self.settings.languages or LANGUAGES)
        return [sentence for sentence in (voiceless, self.toolless(profile)) if sentence]

    def over(self, profile: Settings) -> Settings:
        """The profile with what this agent has for itself.

        Raises:
            SettingsError: It asks for what there is not.
        """
        own = self.settings
        voices: dict[str, Any] = {}
        if usual := own.voice.get("any"):
            voices = dict.fromkeys(LANGUAGES, usual)
        voices |= {key: voice for key, voice in own.voice.items() if key != "any"}
        if self.voice:
            speaks = languages_of(own.voices or profile.tts.voices).get(self.voice, ["any"])
            voices |= dict.fromkeys(LANGUAGES if "any" in speaks else speaks, self.voice)
        tts = _merged({"voice": voices} if voices else {}, own.engines.tts)
        if own.style:
            tts = _merged({"instructions": own.style}, tts)
        changes = {
            "llm": self._over(profile.llm, own.engines.llm, "engines.llm"),
            "stt": self._over(profile.stt, own.engines.stt, "engines.stt"),
            "tts": self._over(profile.tts, tts, "engines.tts"),
            "conduct": self._over(profile.conduct, own.conduct, "conduct"),
            "turns": self._over(profile.turns, own.turns, "turns"),
            "max_minutes": self._longest(profile.max_minutes),
            "phone": self._phone(profile.phone),
            "memory": self._memory(profile.memory),
            "post_call": self._post_call(profile.post_call),
            "language": self.spoken(profile.default_language) or "auto",
        }
        return profile.model_copy(update=changes)

    def _phone(self, phone: PhoneSettings) -> PhoneSettings:
        own = self.settings
        given = own.phone_tools
        return phone.model_copy(
            update={
                "turns": self._over(phone.turns, own.turns, "turns"),
                "language": self.spoken(phone.language) if phone.language else None,
                "tools": [tool for tool in phone.tools if given is None or tool in given],
                "max_minutes": self._longest(phone.max_minutes),
            }
        )

    def _longest(self, minutes: float) -> float:
        """The shorter of the profile's limit and its own."""
        return min(minutes, self.settings.limits.minutes or minutes)

    def _memory(self, memory: MemorySettings | None) -> MemorySettings | None:
        own = self.settings.memory
        if own is None:
            return None
        if memory is None:
            raise SettingsError(
                f"{self.source} remembers callers: set PARLEY_MEMORY__KEY to a secret of 32 "
                "characters or more, by which they are known again."
            )
        return self._over(memory, own.model_dump(exclude_unset=True), "memory")

    def _post_call(self, post_call: PostCallSettings | None) -> PostCallSettings | None:
        own = self.settings.post_call
        if own is None:
            return post_call
        if post_call is None:
            # An agent that is tried out, or moved to another machine, runs as it is.
            logger.warning(
                f"{self.source} says what the records of its calls hold, and the profile does not "
                "say where they go, so there are none: set PARLEY_POST_CALL__FOLDER, or s3, "
                "database or webhook of post_call."
            )
            return None
        return self._over(post_call, own.model_dump(exclude_unset=True), "post_call")

    def _over(self, section: M, changes: dict[str, Any], name: str) -> M:
        if not changes:
            return section
        kept = section.model_dump(exclude_unset=True)
        if "base_url" in changes:
            # Another server: neither its key nor its model is that of the profile's.
            kept = {}
        try:
            merged = type(section).model_validate(_merged(kept, changes))
        except ValidationError as e:
            within = tuple(name.split("."))
            wrong = sentences(e, type(section), lambda _: "give it", within)
            at = in_file(self._written, *places(e, type(section), within))
            raise SettingsError(f"Wrong setting in {at}: {wrong}.") from e
        if "replicas" in changes and "base_url" not in changes:
            raise SettingsError(
                f"Wrong setting in {self.source}: {name}.replicas needs {name}.base_url beside it: "
                "the profile's key is for the profile's servers."
            )
        return merged

    def _text(self, texts: Mapping[Any, str], language: Language | None) -> str:
        known = language or ("any" if "any" in texts else self.usual or next(iter(texts)))
        return texts.get(known) or texts["any"]

    def _fill(self, text: str) -> str:
        values = {"name": self.settings.name, **self.settings.variables, **self.variables}
        return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def _joined(first: str, then: str) -> str:
    """Two texts as one: lines after lines, else in one line, after Chinese without a space."""
    if not then:
        return first
    if "\n" in first:
        return f"{first}\n{then}"
    return first + then if first[-1:] > "\u2e80" else f"{first} {then}"


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others over them, section by section."""
    merged = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(known, value) if both else value  # type: ignore[arg-type]
    return merged
