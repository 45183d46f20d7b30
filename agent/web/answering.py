"""Which models answer at the page, as their servers say it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from agent.definition.choice import Agents
from agent.engine_settings import Engine
from agent.served_models import served_models
from agent.settings import Settings
from agent.stand_ins import ENGINES, USUAL_PORTS, EngineName, is_at

logger = logging.getLogger("parley")

DEADLINE = 2.0
"""Seconds for an engine to say which model it has: it is told beside the button to start."""

KEPT = 60.0
"""Seconds for which an answer is believed, and nobody is asked again."""

KEPT_UNKNOWN = 5.0
"""The same where none came: engines that start are there soon."""

SMALL = 1_500_000_000
"""Parameters up to which a model of this machine's own is called a small stand-in. Half a billion
answer 9 of 10 simple questions by text in English and 6 in Chinese (``make bench-answers``)."""

_LONGEST = 80
"""Characters of a name that are shown."""


@dataclass(frozen=True)
class Models:
    """What answers, and whether it is there to show how it feels, not to be wise."""

    names: Mapping[EngineName, str]
    """By the engines that say what they have."""
    stand_in: bool = False
    """Whether the language model is a small one on this machine's processor."""

    def shown(self) -> dict[str, Any]:
        """The same, as the page takes it."""
        return {
            **{name: self.names.get(name) for name in ENGINES},
            "stand_in": self.stand_in,
        }


@dataclass
class _Known:
    until: float = 0.0
    model: str | None = None
    parameters: int | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


def sections(
    profile: Settings, agents: Agents | None = None
) -> dict[str, dict[EngineName, Engine]]:
    """The engines of every agent that the page offers, by its name.

    Args:
        profile: The profile.
        agents: Those of it.

    Raises:
        SettingsError: An agent is wrong.
    """
    found: dict[str, dict[EngineName, Engine]] = {}
    for name, agent in (agents or Agents(profile)).all().items():
        own = agent.over(profile)
        # The experiment hears and speaks by itself.
        found[name] = (
            {"llm": own.omni} if own.omni else {"llm": own.llm, "stt": own.stt, "tts": own.tts}
        )
    return found


class Answering:
    """Asks the engines which models they have, and remembers it for a while.

    Args:
        engines: The engines of each agent, the usual one first.
        ports: Where this machine's own engines are.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        engines: Mapping[str, Mapping[EngineName, Engine]],
        ports: Mapping[EngineName, int] = USUAL_PORTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engines = engines
        self._ports = ports
        self._clock = clock
        self._known: dict[tuple[str, str | None], _Known] = {}

    async def of(self, agent: str | None = None) -> Models:
        """What answers for an agent.

        Args:
            agent: Its name; the usual one if None, or if there is none of that name.
        """
        usual = next(iter(self._engines.values()), {})
        engines = self._engines.get(agent, usual) if agent else usual
        known = await asyncio.gather(*map(self._ask, engines.values()))
        found = dict(zip(engines, known, strict=True))
        names = {name: each.model for name, each in found.items() if each.model}
        llm = engines.get("llm")
        stand_in = (
            llm is not None
            and is_at(llm.base_url, USUAL_PORTS["llm"], self._ports["llm"])
            and (found["llm"].parameters or SMALL + 1) <= SMALL
        )
        return Models(names, stand_in)

    async def _ask(self, engine: Engine) -> _Known:
        known = self._known.setdefault((engine.url, engine.model), _Known())
        async with known.asking:
            if self._clock() < known.until:
                return known
            known.model, known.parameters = None, None
            try:
                async with asyncio.timeout(DEADLINE):
                    served = await served_models(engine, DEADLINE)
            except (httpx.HTTPError, TimeoutError, ValueError, KeyError, TypeError) as e:
                logger.info("an engine does not say its model", extra={"error": repr(e)})
                served = []
            for model in served:
                if engine.model in (None, model["id"]):
                    known.model = str(model["id"]).rstrip("/").rpartition("/")[2][:_LONGEST]
                    size = (model.get("meta") or {}).get("n_params")
                    known.parameters = size if isinstance(size, int) else None
                    break
            known.until = self._clock() + (KEPT if known.model else KEPT_UNKNOWN)
            return known
