"""The GPU services and the agent on one machine, kept running: ``python -m agent.stack.gpu``.

The language model, the TTS and the STT start one after another, because each takes what memory the
one before has left; then the agent, which needs LIVEKIT_URL and its key and secret.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack

from .stack import AGENT_READY, ROOT, STANDBY, StackError, wait_ready
from .supervision import Program, Supervisor
from .terminal import say, until_stopped

# Weights are downloaded the first time. Seconds for each service.
_READY_WITHIN = 3600.0

_SERVICES = (
    ("llm", "the language model"),
    ("tts", "the voice"),
    ("stt", "the speech recogniser"),
)


def _programs() -> list[Program]:
    services = [
        Program(
            name=name,
            what=what,
            command=[f"scripts/run_{name}_server.sh"],
            ready_line=f"{what} is ready at",
        )
        for name, what in _SERVICES
    ]
    agent = Program(
        name="agent",
        what="the agent",
        command=[sys.executable, "agent.py", "start"],
        ready_line=AGENT_READY,
    )
    return [*services, agent, STANDBY]


async def _run() -> None:
    environment = {"PARLEY_PROFILE": "gpu", "PYTHONUNBUFFERED": "1", **os.environ}
    async with AsyncExitStack() as stack:
        running: list[Supervisor] = []
        for program in _programs():
            supervisor = Supervisor(
                [program],
                environment=environment,
                folder=ROOT,
                logs=ROOT / "output" / "gpu" / program.name,
                on_line=say,
                # vLLM hands its GPU memory back when it is asked to stop.
                patience=20.0,
            )
            await stack.enter_async_context(supervisor)
            await wait_ready(supervisor, [program], on_line=say, within=_READY_WITHIN)
            running.append(supervisor)
        ends = [asyncio.create_task(supervisor.ended()) for supervisor in running]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        raise StackError("A supervisor ended by itself; see output/gpu.")


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    missing = [
        name
        for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
        if not os.environ.get(name)
    ]
    if missing:
        sys.exit(f"{' and '.join(missing)} must be set: the agent joins that server.")
    try:
        asyncio.run(until_stopped(_run()))
    except StackError as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
