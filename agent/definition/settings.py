"""What ``agent.yaml`` can say: who an agent is and what it may do, in types.

The machine that it runs on is a profile's (:mod:`agent.settings`); what an agent has of that for
itself stands under ``engines``, ``conduct`` and ``turns``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from agent.engine_settings import Section, VoiceChoice
from agent.knowledge_settings import KnowledgeSettings
from agent.languages import Language
from agent.memory_settings import AgentMemory
from agent.phone_settings import PhoneTool
from agent.post_call_settings import AgentPostCall

from .question import Key
from .tool_settings import ARGUMENT, HttpTool, McpServer, Reached, ToolName

BuiltinTool = Literal["get_time", "calculate", "convert_unit", "get_model"]
VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["order_number"])]

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
"""Where a variable's value goes."""


def _of_any(value: object) -> object:
    """One text is for every language."""
    return {"any": value} if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1, max_length=20_000)]
ByLanguage = Annotated[
    dict[Key, Text], BeforeValidator(_of_any, json_schema_input_type=Text | dict[Key, Text])
]
"""A text for every language, or one for each."""
_Short = Annotated[str, Field(max_length=1000)]
Words = Annotated[
    dict[Key, _Short], BeforeValidator(_of_any, json_schema_input_type=_Short | dict[Key, _Short])
]
_Name = Annotated[str, Field(min_length=1, max_length=100)]
Voices = Annotated[
    dict[Key, _Name], BeforeValidator(_of_any, json_schema_input_type=_Name | dict[Key, _Name])
]


class LimitSettings(Section):
    """How long a conversation may become; at its end the agent says goodbye."""

    minutes: Annotated[float | None, Field(ge=0.1, le=1440.0)] = None
    """Longest conversation; the shorter of this and the profile's ``max_minutes`` counts, on the
    phone of this and ``phone.max_minutes``."""
    turns: Annotated[int | None, Field(ge=1, le=10_000)] = None
    """Turns of the user that are answered."""
    tokens: Annotated[int | None, Field(ge=100, le=100_000_000)] = None
    """Tokens that the language model may read and write in all; what it has in its cache counts
    too. The turn in which they run out is answered to its end."""


Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", examples=["#0c6b5b"])]


class PageLook(Section):
    """How the web page looks for this agent; in Parley's own way where nothing is given."""

    logo: (
        Annotated[
            str,
            Field(
                pattern=r"\.(svg|png|webp|jpe?g)$",
                max_length=200,
                examples=["logo.svg", "logo.png", "logo.webp", "logo.jpg"],
            ),
        ]
        | None
    ) = None
    """A picture in the folder, as ``logo.svg``: beside the name, and on the browser's tab."""
    color: Colour | None = None
    """Of the buttons, as ``#0c6b5b``; what is written on them is black or white, as reads best."""
    color_dark: Colour | None = None
    """The same on a dark page; ``color`` when not given."""


class EngineOverrides(Section):
    """Settings of the profile's engines that are this agent's own."""

    llm: dict[str, Any] = {}
    """Of the profile's ``llm``."""
    stt: dict[str, Any] = {}
    """Of the profile's ``stt``."""
    tts: dict[str, Any] = {}
    """Of the profile's ``tts``."""


class AgentSettings(Section):
    """Everything that ``agent.yaml`` can say."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    """What it is called: on the page, in the log, and in a greeting of the package's."""
    instructions: ByLanguage
    """Who it is and what it is to do. How one speaks is added (``manner``)."""
    greeting: Words = {}
    """Its first words; those of the package where none are given for a language, none if empty."""
    manner: bool = True
    """Add to the instructions how answers are spoken: in short sentences of plain words, in the
    language of the user."""
    languages: tuple[Language, ...] = ()
    """Languages that it speaks, its usual one first; all when not given."""
    voice: Voices = {}
    """Its voice, or one for each language; the profile's when not given."""
    voices: VoiceChoice = {}
    """Further voices that a call may ask for: a list, or a list for each language if a voice does
    not speak all of them."""
    page: PageLook = PageLook()
    """How the web page looks."""
    style: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """How the voice speaks, in words, for engines that take it."""
    recite: bool = True
    """Whether an answer may repeat eight words of the instructions in a row, or 16 hanzi, or is
    broken off: they may hold what callers ask for."""
    never_say: tuple[Annotated[str, Field(min_length=2, max_length=100)], ...] = ()
    """Words that are never said, such as a code in the instructions. Spelled, translated or in
    other words they can still be told: what must not leak does not belong in a prompt."""
    variables: dict[VariableName, Annotated[str, Field(max_length=500)]] = {}
    """What a call may say of itself, with what is taken where it does not. ``{{name}}`` in
    instructions and greeting stands for the value."""
    limits: LimitSettings = LimitSettings()
    conduct: dict[str, Any] = {}
    """Settings of the profile's ``conduct`` that are this agent's own."""
    turns: dict[str, Any] = {}
    """Settings of the profile's ``turns`` that are this agent's own, on the phone as well."""
    engines: EngineOverrides = EngineOverrides()
    knowledge: KnowledgeSettings | None = None
    """How it answers from documents, and where they are if not in the folder ``knowledge`` beside
    this file."""
    memory: AgentMemory | None = None
    """What it remembers of callers from one call to the next; nothing when not given."""
    post_call: AgentPostCall | None = None
    """What the records of its calls hold; what the profile says when not given."""
    builtin_tools: tuple[BuiltinTool, ...] = ()
    """Tools of the package's that it has."""
    phone_tools: tuple[PhoneTool, ...] | None = None
    """Which of the profile's ``phone.tools`` it has; all of them when not given."""
    hosts: tuple[Annotated[str, Field(min_length=1, max_length=255)], ...] = ()
    """Everybody whom its HTTP tools and MCP servers may reach, as ``api.example.com``, and with the
    port where a URL names one."""
    http_tools: dict[ToolName, HttpTool] = {}
    """Requests that the model can make, by the name of the tool."""
    mcp_servers: dict[ToolName, McpServer] = {}
    """Other programs whose tools it has."""

    @model_validator(mode="after")
    def _filled(self) -> Self:
        known = {"name", *self.variables}
        for setting in ("instructions", "greeting"):
            for text in getattr(self, setting).values():
                for name in PLACEHOLDER.findall(text):
                    if name not in known:
                        raise PydanticCustomError(
                            "unknown_variable",
                            "{setting} names {{{name}}}, which is not among variables "
                            "(there are {known})",
                            {"setting": setting, "name": name, "known": ", ".join(sorted(known))},
                        )
        return self

    @model_validator(mode="after")
    def _reaching(self) -> Self:
        reached: list[tuple[str, HttpTool | McpServer]] = [
            *((f"http_tools.{name}", tool) for name, tool in self.http_tools.items()),
            *((f"mcp_servers.{name}", server) for name, server in self.mcp_servers.items()),
        ]
        for where, each in reached:
            if each.url and (host := Reached.host(each.url)) not in self.hosts:
                raise PydanticCustomError(
                    "unknown_host",
                    "{where}.url: {host} is not among hosts (there are {hosts})",
                    {"where": where, "host": host, "hosts": ", ".join(self.hosts) or "none"},
                )
        for name, tool in self.http_tools.items():
            taken = tool.parameters["properties"]
            for argument in ARGUMENT.findall(tool.url):
                if (argument in taken) == (argument in self.variables):
                    reason = "both" if argument in taken else "neither"
                    raise PydanticCustomError(
                        "no_argument",
                        "http_tools.{tool}.url: {argument} must be among its parameters or among "
                        "variables, and is among {reason}",
                        {"tool": name, "argument": f"{{{argument}}}", "reason": reason},
                    )
        return self

    @model_validator(mode="after")
    def _said(self) -> Self:
        if "any" in self.instructions:
            return self
        for language in self.languages or get_args(Language):
            if language not in self.instructions:
                raise PydanticCustomError(
                    "no_instructions",
                    "instructions has no text for {language}: give it one, or one for any, or "
                    "leave {language} out of languages",
                    {"language": language},
                )
        return self
