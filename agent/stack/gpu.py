"""The GPU services, LiveKit, the agent and the page: ``python -m agent.stack.gpu``.

The language model, the TTS and the STT start one after another, because each takes what memory the
one before has left; those that the profile has somewhere else are not started.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

from agent import settings
from agent.models import ModelError
from agent.serving import port_of
from agent.settings import SettingsError
from agent.stand_ins import ENGINES, EngineName

from . import demo
from .placement import WHAT, Placement, place
from .ports import PortError
from .readiness import StackError, wait_ready
from .stack import ROOT, Stack
from .supervision import Program, Supervisor
from .terminal import say, until_stopped

# Weights are downloaded the first time. Seconds for each service.
_READY_WITHIN = 3600.0

_PORTS: Mapping[EngineName, int] = {"llm": 8000, "tts": 8091, "stt": 8002}
"""Where the profile of this name has them; ``LLM_PORT`` and its like move them."""


def services(profile: settings.Settings) -> Placement:
    """Which of the GPU services a profile wants on this machine.

    Args:
        profile: The profile, with what the environment says over it.
    """
    numbers: dict[str, int] = {
        name: port_of(f"{name.upper()}_PORT", _PORTS[name]) for name in ENGINES
    }
    return place(profile, numbers, _PORTS)


def _program(name: EngineName) -> Program:
    return Program(
        name=name,
        what=WHAT[name],
        command=[f"scripts/run_{name}_server.sh"],
        ready_line=f"{WHAT[name]} is ready at",
    )


async def _run(names: list[EngineName], stack: Stack) -> None:
    async with AsyncExitStack() as opened:
        running: list[Supervisor] = []
        for program in map(_program, names):
            supervisor = Supervisor(
                [program],
                environment={"PYTHONUNBUFFERED": "1", **os.environ},
                folder=ROOT,
                logs=ROOT / "output" / "gpu" / program.name,
                on_line=say,
                # vLLM hands its GPU memory back when it is asked to stop.
                patience=20.0,
            )
            await opened.enter_async_context(supervisor)
            await wait_ready(supervisor, [program], on_line=say, within=_READY_WITHIN)
            running.append(supervisor)
        tasks = [asyncio.create_task(_lost(supervisor)) for supervisor in running]
        tasks.append(asyncio.create_task(demo.talk(stack)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        done.pop().result()


async def _lost(supervisor: Supervisor) -> None:
    raise StackError(f"supervisord ended by itself: {await supervisor.ended()}")


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    os.environ["PARLEY_PROFILE"] = os.environ.get("PARLEY_PROFILE") or "gpu"
    try:
        placed = services(settings.load())
        os.environ.update(placed.urls)  # where their ports were moved
        stack = demo.prepare("gpu")
        names = [name for name in _PORTS if name in placed.here]
        asyncio.run(until_stopped(_run(names, stack)))
    except (PortError, ModelError, StackError, SettingsError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
