"""Which agent takes a call: the one that the dispatch names, or whose number was called."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from agent.engine_settings import VoiceChoice, languages_of
from agent.foreign_json import read_json
from agent.routing_settings import CallerId, Route
from agent.settings import Settings
from agent.telephony.numbers import told
from agent.wrong import SettingsError

from .definition import AgentDefinition
from .kept import KeptAgents

logger = logging.getLogger("parley")

_LONGEST = 500
"""Characters of a variable's value."""

ASSIGNMENT = ("agent", "variables", "voice")
"""What a job's metadata may say of who takes the call."""


@dataclass(frozen=True)
class Assignment:
    """What a call asks for. Nothing in it has been checked but that it may be asked."""

    agent: str | None = None
    """The agent's name."""
    variables: dict[str, Any] | None = None
    """What the call says of itself, by the names of the agent's variables."""
    voice: str | None = None
    """The voice, of those that the agent lists."""

    @classmethod
    def from_metadata(cls, metadata: str) -> Assignment:
        """What a job's metadata asks for; nothing if it is somebody else's, of another form."""
        try:
            said = read_json(metadata)
        except ValueError:
            return cls()
        if not isinstance(said, dict):
            return cls()
        return cls(**{name: said[name] for name in ASSIGNMENT if said.get(name) is not None})


@dataclass(frozen=True)
class Arrived:
    """A call by phone, as far as it matters for who takes it."""

    number: str | None = None
    """The number that was called."""
    caller_id: CallerId = "shown"
    """What is known of the caller's number."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it came."""


class Agents:
    """Those that may take calls.

    Args:
        profile: The profile, which names them.
        kept: Those of the server, for calls of one that is wrong by now.
    """

    def __init__(self, profile: Settings, kept: KeptAgents | None = None) -> None:
        self._profile = profile
        self._kept = kept or KeptAgents(None)

    @property
    def names(self) -> list[str]:
        """The names by which calls may ask for them, beside the usual one."""
        return [*self._profile.agents]

    def usual(self) -> AgentDefinition:
        """Who takes a call that asks for nobody.

        Raises:
            SettingsError: It is wrong, and none is kept.
        """
        return self._kept.load(self._profile.agent, self._profile)

    def all(self) -> dict[str, AgentDefinition]:
        """All of them by name, the usual one first.

        Raises:
            SettingsError: One of them is wrong, or two have a name.
        """
        usual = self.usual()
        found = {usual.key: usual}
        for name, where in self._profile.agents.items():
            agent = replace(self._kept.load(where, self._profile), key=name)
            if name in found and agent.source != usual.source:
                raise SettingsError(
                    f"agents.{name}: PARLEY_AGENT names another agent of that name: rename one."
                )
            found[name] = agent
        for number, name in self._profile.phone.agents.items():
            if name not in found:
                raise SettingsError(
                    f"phone.agents.{number}: there is no agent {name!r} among agents (there are "
                    f"{', '.join(found)})."
                )
        for nth, route in enumerate(self._profile.phone.routes):
            if route.agent not in found:
                raise SettingsError(
                    f"phone.routes.{nth}: there is no agent {route.agent!r} among agents (there"
                    f" are {', '.join(found)})."
                )
        return found

    def limits(self) -> list[str]:
        """What the profile's engines cannot do for them, in sentences for whoever starts it.

        Raises:
            SettingsError: One of them is wrong, or two have a name.
        """
        toolless = (agent.toolless(self._profile) for agent in self.all().values())
        return [sentence for sentence in (self._profile.tts.limits(), *toolless) if sentence]

    def take(self, assignment: Assignment, call: Arrived | None = None) -> AgentDefinition:
        """Who takes a call. What cannot be done of what it asks for is logged and left out.

        Args:
            assignment: What it asks for.
            call: The call, if it is one by phone.

        Raises:
            SettingsError: The usual agent is wrong, and none is kept.
        """
        agent = self._asked_for(assignment.agent)
        if agent is None and call:
            agent = self._routed(call) or self._of_number(call.number)
        agent = agent or self.usual()
        return replace(
            agent,
            variables=_variables(agent, assignment.variables),
            voice=_voice(agent, assignment.voice, self._profile.tts.voices),
        )

    def _asked_for(self, name: object) -> AgentDefinition | None:
        if name is None:
            return None
        usual = self.usual()
        if name == usual.key:
            return usual
        if not isinstance(name, str) or name not in self._profile.agents:
            known = ", ".join(dict.fromkeys((usual.key, *self.names)))
            _complain(
                f"A call asks for {name!r}, which is not an agent ({known}): {usual.key} it is."
            )
            return None
        return self._loaded(name, self._profile.agents[name])

    def _routed(self, call: Arrived) -> AgentDefinition | None:
        for route in self._profile.phone.routes:
            if self._fits(route, call):
                return self._asked_for(route.agent)
        return None

    def _fits(self, route: Route, call: Arrived) -> bool:
        phone = self._profile.phone
        if route.numbers:
            ours = {_digits(number, phone.country) for number in route.numbers}
            if not call.number or _digits(call.number, phone.country) not in ours:
                return False
        if route.caller_id and call.caller_id not in route.caller_id:
            return False
        if route.during and not phone.hours[route.during].is_open(call.at):
            return False
        return not (route.outside and phone.hours[route.outside].is_open(call.at))

    def _of_number(self, number: str | None) -> AgentDefinition | None:
        phone = self._profile.phone
        named = {_digits(key, phone.country): name for key, name in phone.agents.items()}
        name = named.get(_digits(number, phone.country)) if number else None
        return self._asked_for(name) if name else None

    def _loaded(self, name: str, where: str) -> AgentDefinition | None:
        try:
            return replace(self._kept.load(where, self._profile), key=name)
        except SettingsError as e:  # it was right when the server started
            _complain(str(e))
            return None


def _variables(agent: AgentDefinition, said: object) -> dict[str, str]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        _complain(f"A call says no values by name as variables of {agent.key}, and has none.")
        return {}
    known = agent.settings.variables
    taken: dict[str, str] = {}
    for name, value in said.items():
        if name not in known:
            names = ", ".join(known) or "none"
            _complain(f"A call says {name!r}, which is not a variable of {agent.key} ({names}).")
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            _complain(f"A call says something else than a text or a number as {name}.")
        elif len(str(value)) > _LONGEST:
            _complain(f"A call says {len(str(value))} characters as {name}, and may {_LONGEST}.")
        else:
            # One line: what a value says must not look like a part of the instructions.
            taken[name] = " ".join(str(value).split())
    return taken


def _voice(agent: AgentDefinition, said: object, usual: VoiceChoice) -> str | None:
    voices = {*agent.settings.voice.values(), *languages_of(agent.settings.voices or usual)}
    if said is None or (isinstance(said, str) and said in voices):
        return said
    known = ", ".join(sorted(voices)) or "none"
    _complain(f"A call asks for the voice {said!r}, which {agent.key} does not list ({known}).")
    return None


def _digits(number: str, country: str | None) -> str:
    return "".join(filter(str.isdigit, told(number, country) or number))


def _complain(sentence: str) -> None:
    logger.warning(sentence)
