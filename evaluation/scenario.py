"""A scenario: who calls, what they say or want, and what is to come of it; one YAML file each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from livekit.agents import evals
from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from agent.definition.definition import AgentDefinition
from agent.engine_settings import Section
from agent.languages import Language
from agent.phone_settings import PhoneTool
from agent.wrong import SettingsError, in_file, places, read_yaml, sentences

from .pattern import Pattern

FOLDER = "scenarios"
"""Where an agent's scenarios are, beside its ``agent.yaml``."""

JUDGES = tuple(name.removesuffix("_judge") for name in evals.__all__ if name.endswith("_judge"))
"""LiveKit's own judges, by name."""


def _text(value: object) -> object:
    """Numbers are what somebody says, too; a plain ``yes`` is not what it seems."""
    if isinstance(value, bool):
        raise PydanticCustomError(
            "not_text", "must be in quotes: YAML reads it as {value}", {"value": str(value).lower()}
        )
    return str(value) if isinstance(value, int | float) else value


Words = Annotated[str, Field(min_length=1, max_length=2000), BeforeValidator(_text)]


class Moment(Section):
    """Something that the caller does at a set moment; by voice only."""

    reply: Annotated[int, Field(ge=0)] | None = None
    """The reply that it falls into: that to the caller's first turn is 1, the greeting is 0."""
    after: Annotated[float, Field(ge=0.0, le=60.0)] = 1.0
    """Seconds from that reply's first sound."""
    turn: Annotated[int, Field(ge=1)] | None = None
    """The caller's turn that a silence comes before."""
    interrupt: Words | None = None
    """What the caller says over the agent in place of their next line; it is to stop and answer."""
    backchannel: Words | None = None
    """What the caller says to show that they listen; the agent is to go on."""
    bystander: Words | None = None
    """What somebody beside the caller says, 10 dB below them."""
    silence: Annotated[float, Field(gt=0.0, le=120.0)] | None = None
    """Seconds for which the caller says nothing where it is their turn."""

    @property
    def over(self) -> str:
        """What is said over the agent."""
        return self.interrupt or self.backchannel or self.bystander or ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        kinds = [self.interrupt, self.backchannel, self.bystander, self.silence]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("needs one of interrupt, backchannel, bystander and silence")
        if self.silence is not None and (self.turn is None or self.reply is not None):
            raise ValueError("silence needs the caller's turn that it comes before, and no reply")
        if self.silence is None and (self.reply is None or self.turn is not None):
            raise ValueError("what is said over the agent needs the reply that it falls into")
        return self


class Noise(Section):
    """What is heard behind the caller; by voice only."""

    sound: Annotated[str, Field(min_length=1, max_length=200)]
    """``street``, ``babble``, ``music``, ``keyboard`` or ``door``, or a WAV beside the scenario."""
    snr: Annotated[float, Field(ge=-20.0, le=60.0)] = 15.0
    """How far it is below the caller's voice, in dB."""


class CallerSettings(Section):
    """Who calls."""

    persona: Words = "somebody who calls"
    goal: Words | None = None
    """What they want; a model needs it to play them."""
    facts: dict[str, Words] = {}
    """What they know, and tell if they are asked."""
    mood: Words | None = None
    lines: list[Words] = []
    """What they say, turn by turn. Without any, a model plays them."""
    noise: Noise | None = None
    moments: list[Moment] = []

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.lines and not self.goal:
            raise ValueError("needs lines, or a goal for a model that plays the caller")
        return self


class Line(Section):
    """What a scripted model of the agent answers: words, or the call of a tool."""

    say: Words | None = None
    tool: Annotated[str, Field(min_length=1)] | None = None
    arguments: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return value if isinstance(value, dict) else {"say": value}

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.say is None) == (self.tool is None):
            raise ValueError("is a text, or has a tool")
        if self.arguments and self.tool is None:
            raise ValueError("has arguments and no tool")
        return self


def unfinished(line: Line) -> str:
    """That a script of the agent's model was not said to its end.

    Args:
        line: The first that was left.
    """
    told = f"the call of {line.tool}" if line.tool else repr(line.say)
    return f"the agent's script was not said to its end: {told}"


class AgentScript(Section):
    """What a scripted model of the agent does. Without one, the profile's model answers."""

    lines: list[Line] = []
    """What it answers each time that it is asked, in order."""
    outcome: dict[str, Any] | None = None
    """What it fills in after the call, for an agent whose records have an outcome."""


class Tool(Section):
    """A tool that is to be called."""

    name: Annotated[str, Field(min_length=1)]
    arguments: dict[str, Any] = {}
    """What it is called with at least; a text may be ``/a regular expression/``."""
    result: Pattern | None = None
    """What it returns."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class Expected(Section):
    """What is checked once the call is over."""

    tools: list[Tool] = []
    """Tools that are called in this order, others between them or not."""
    never_calls: list[str] = []
    outcome: dict[str, Any] = {}
    """Fields of the record's outcome."""
    says: list[Pattern] = []
    """What the agent says in one of its replies."""
    never_says: list[Pattern] = []
    turns: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most turns of the caller."""
    latency: Annotated[float, Field(gt=0.0, le=60.0)] | None = None
    """Most seconds from the caller's last sound to the agent's first, P95; by voice only."""
    cut_offs: Annotated[int, Field(ge=0)] | None = None
    """How often the agent may speak into what the caller says; by voice only."""


class Scenario(Section):
    """Everything that the file can say."""

    about: Annotated[str, Field(min_length=1, max_length=500)]
    """One line for people."""
    language: Language = "en"
    variables: dict[str, Words] = {}
    """What the call says of itself."""
    caller: CallerSettings
    agent: AgentScript = AgentScript()
    expect: Expected = Expected()
    judge: list[Words] = []
    """Questions that a model answers with yes or no, and names of LiveKit's judges."""

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.judge and self.expect == Expected():
            raise ValueError("expect or judge must say what is to come of the call")
        return self


@dataclass(frozen=True)
class Case:
    """A scenario and where it is from."""

    name: str
    path: Path
    scenario: Scenario


def read(path: Path) -> Case:
    """Read a scenario.

    Raises:
        SettingsError: It is wrong; the text says what and where.
    """
    content = read_yaml(path, "a scenario")
    try:
        return Case(path.stem, path, Scenario(**content))
    except ValidationError as e:
        wrong = sentences(e, Scenario, lambda loc: f"{loc[-1]}: …")
        at = in_file(path, *places(e, Scenario))
        raise SettingsError(f"Wrong setting in {at}: {wrong}.") from e


def cases_of(agent: AgentDefinition, chosen: Sequence[str] = ()) -> list[Case]:
    """Some scenarios of an agent, or all of them.

    Args:
        agent: The agent.
        chosen: Names of those of its folder, or paths of others; all of its folder if empty.

    Raises:
        SettingsError: There is none, or one is wrong or asks for what the agent has not.
    """
    folder = (agent.source if agent.source.is_dir() else agent.source.parent) / FOLDER
    own = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if not chosen and not own:
        raise SettingsError(f"There are no scenarios in {folder}: write one (docs/eval.md).")
    paths = [_path(name, own, folder) for name in chosen] or list(own.values())
    cases = [read(path) for path in paths]
    for case in cases:
        _check_agent(case, agent)
    return cases


def _path(name: str, own: dict[str, Path], folder: Path) -> Path:
    if name in own:
        return own[name]
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    known = f"there are {', '.join(own)}" if own else "there are none"
    raise SettingsError(f"There is no scenario {name!r} in {folder} ({known}).")


def _check_agent(case: Case, agent: AgentDefinition) -> None:
    """Refuse what this agent can never do: a name that is misspelt would pass as ``never_calls``.

    Raises:
        SettingsError: There is something of the kind.
    """
    scenario = case.scenario
    if not agent.speaks(scenario.language):
        spoken = ", ".join(agent.settings.languages)
        _refuse(case, f"language: {agent.key} does not speak {scenario.language} ({spoken})")
    for name in scenario.variables:
        if name not in agent.settings.variables:
            known = ", ".join(agent.settings.variables) or "none"
            _refuse(case, f"variables: {agent.key} has no variable {name} (there are {known})")
    if agent.kind is None:  # a class may have more, and hand over to others
        known_tools = _tools(agent)
        expected = (*(t.name for t in scenario.expect.tools), *scenario.expect.never_calls)
        called = (line.tool for line in scenario.agent.lines if line.tool)
        named = [("expect", tool) for tool in expected] + [("agent.lines", tool) for tool in called]
        for where, tool in named:
            if tool not in known_tools:
                there = ", ".join(known_tools) or "none"
                _refuse(case, f"{where}: {agent.key} has no tool {tool} (there are {there})")
    fields = _outcome(agent)
    for name in (*scenario.expect.outcome, *(scenario.agent.outcome or {})):
        if name not in fields:
            there = ", ".join(fields) or "none: post_call.outcome in its agent.yaml names them"
            _refuse(case, f"outcome: {agent.key} fills in no field {name} (there are {there})")


def _tools(agent: AgentDefinition) -> list[str]:
    servers = agent.settings.mcp_servers.values()
    return [
        *agent.given_tools,
        *(tool.info.name for tool in agent.functions),
        *agent.settings.http_tools,
        *(name for server in servers for name in server.allow),
        *get_args(PhoneTool),
    ]


def _outcome(agent: AgentDefinition) -> list[str]:
    post_call = agent.settings.post_call
    schema = (post_call.outcome if post_call else None) or {}
    return list(schema.get("properties", {}))


def _refuse(case: Case, sentence: str) -> None:
    raise SettingsError(f"Wrong setting in {case.path}: {sentence}.")
