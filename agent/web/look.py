"""How the page looks for an agent, and which voices it offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.definition.definition import AgentDefinition
from agent.engine_settings import VoiceChoice, languages_of
from agent.languages import LANGUAGES, Language
from agent.settings import Settings


@dataclass(frozen=True)
class Look:
    """What an agent's folder says of the page."""

    voices: VoiceChoice = field(default_factory=dict)
    """Those that a visitor may choose from, beside the usual one."""
    logo: Path | None = None
    color: str | None = None
    color_dark: str | None = None
    spoken: Mapping[Language, Language] = field(default_factory=dict)
    """In which language it answers whoever has chosen one; as the profile does where it is none."""

    @classmethod
    def of(cls, agent: AgentDefinition, profile: Settings) -> Look:
        """The look of an agent."""
        own, voice = agent.settings, agent.over(profile).tts
        return cls(
            own.voices or profile.tts.voices,
            agent.logo,
            own.page.color,
            own.page.color_dark,
            {each: voice.spoken(agent.spoken(each) or each) for each in LANGUAGES},
        )

    def shown(self, name: str, title: str) -> dict[str, Any]:
        """The same, as the page takes it."""
        return {
            "name": name,
            "title": title,
            "voices": [
                {"name": voice, "languages": None if "any" in speaks else speaks}
                for voice, speaks in languages_of(self.voices).items()
            ],
            "logo": f"/agents/{name}/logo" if self.logo else None,
            "color": self.color,
            "color_dark": self.color_dark,
            "spoken": dict(self.spoken),
        }


PLAIN = Look()
"""The page's own look."""


def looks_of(agents: Mapping[str, AgentDefinition], profile: Settings) -> dict[str, Look]:
    """The looks of all agents, by their names."""
    return {name: Look.of(agent, profile) for name, agent in agents.items()}
