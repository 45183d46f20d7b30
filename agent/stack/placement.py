"""Which engines of a profile are started here, and which are the user's own, somewhere else.

An engine is ours where the profile has it at the address of ours: this machine, and the port that
our engine has by default or by its variable. Any other address is somebody else's server, on this
machine or not, and what is at it is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx

from agent.engine_settings import Engine
from agent.models import called, manifest
from agent.served_models import served_models
from agent.settings import Settings
from agent.stand_ins import ENGINES, USUAL_PORTS, EngineName, is_at

from .ports import LOOPBACK, PORTS, Port

WHAT: Mapping[EngineName, str] = {port.name: port.purpose for port in PORTS if port.name in ENGINES}
"""What messages call each."""

_ROLES: Mapping[EngineName, str] = {"llm": "llm", "stt": "stt", "tts": "kokoro"}

_ANSWER_SECONDS = 3.0
"""For the question which models a server has: it is only asked so that its answer can be told."""


@dataclass(frozen=True)
class Placement:
    """The engines of a profile by where they are."""

    here: tuple[EngineName, ...]
    """Those that are started here."""
    elsewhere: Mapping[EngineName, Engine]
    """The sections of the profile whose first choice is somebody else's server."""
    urls: Mapping[str, str]
    """Addresses of those here, by the variable that has the address in the profile."""

    @property
    def roles(self) -> list[str]:
        """The models that they load, by their names in the manifest."""
        return [_ROLES[name] for name in self.here]

    def models(self) -> list[str]:
        """What the models are called of which there is a small and a large one."""
        return [called(role) for role in self.roles if role in manifest.sized()]

    def ports(self, of: Iterable[Port] = PORTS, *, livekit: bool = True) -> list[Port]:
        """Those ports that something is started at.

        Args:
            of: All that there are.
            livekit: Whether a LiveKit server is started.
        """
        return [
            port
            for port in of
            if (port.name not in ENGINES or port.name in self.here)
            and (livekit or not port.name.startswith("livekit"))
        ]

    def variables(self, key: str | None) -> dict[str, str]:
        """The environment by which the agent finds those that are started here.

        Args:
            key: The key that they ask for.
        """
        keys = {name.replace("BASE_URL", "API_KEY"): key for name in self.urls} if key else {}
        return {**self.urls, **keys}


def place(
    profile: Settings,
    ports: Mapping[str, int],
    usual: Mapping[EngineName, int] = USUAL_PORTS,
) -> Placement:
    """Tell which engines a profile wants to be started here.

    Args:
        profile: The profile, with what the environment says over it.
        ports: Where ours listen, by their names.
        usual: The ports by which a profile names ours.
    """
    here: list[EngineName] = []
    elsewhere: dict[EngineName, Engine] = {}
    urls: dict[str, str] = {}
    for name in ENGINES:
        section = getattr(profile, name)
        choices: dict[str, Engine | None] = {"": section, "FALLBACK__": section.fallback}
        for prefix, choice in choices.items():
            if choice and is_at(choice.base_url, usual[name], ports[name]):
                urls[f"PARLEY_{name.upper()}__{prefix}BASE_URL"] = (
                    f"http://{LOOPBACK}:{ports[name]}/v1"
                )
                if name not in here:
                    here.append(name)
            elif choice and not prefix:
                elsewhere[name] = choice
    return Placement(tuple(here), elsewhere, urls)


async def describe(name: EngineName, engine: Engine) -> str:
    """One sentence on an engine that is somewhere else: its address, and what answers there.

    Args:
        name: Which engine it is.
        engine: Its section of the profile.
    """
    try:
        served = [str(model["id"]) for model in await served_models(engine, _ANSWER_SECONDS)]
    except httpx.HTTPStatusError as e:
        said = f"answers {e.response.status_code} {e.response.reason_phrase}"
        if e.response.status_code in (401, 403):
            said += f": set PARLEY_{name.upper()}__API_KEY"
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as e:
        said = f"does not answer now ({e or type(e).__name__})"
    else:
        said = f"has {', '.join(served) or 'no model'}"
    what = WHAT[name]
    return f"{what[0].upper()}{what[1:]} is at {engine.url}, which {said}."
