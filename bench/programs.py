"""Programs that a benchmark needs: a livekit-server without an agent, engines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx

from agent.stack import Server
from agent.stack.ports import LOOPBACK, free
from harness import report

_READY = 120.0
"""Longest wait for a program, in seconds; Kokoro needs 10 on an idle machine."""
_PATIENCE = 5.0
"""Seconds for a program to end when told to: livekit-server can miss a signal that comes just after
it has answered for the first time."""


@contextlib.asynccontextmanager
async def livekit(address: str = LOOPBACK) -> AsyncIterator[Server]:
    """Run a livekit-server that has no agent of its own, at an address of this machine."""
    ports = free()
    server = Server(f"ws://{address}:{ports['livekit']}", "bench", secrets.token_urlsafe(32))
    variables = {
        "PARLEY_ADDRESS": address,
        "PARLEY_PORT_LIVEKIT_TCP": "0",
        "PARLEY_PORT_LIVEKIT": str(ports["livekit"]),
        "PARLEY_PORT_LIVEKIT_UDP": str(ports["livekit_udp"]),
        "LIVEKIT_KEYS": f"{server.api_key}: {server.api_secret}",
    }
    health = server.url.replace("ws:", "http:")
    async with running("livekit", ["scripts/run_livekit.sh"], variables, health):
        yield server


@contextlib.asynccontextmanager
async def engine(name: str, *, folder: Path | None = None) -> AsyncIterator[str]:
    """Run one of the engines of the CPU profile, ``llm``, ``stt`` or ``tts``.

    Args:
        name: Which.
        folder: The checkout whose it is; this one if None.

    Yields:
        Its base URL, ending in ``/v1``.
    """
    port = free()[name]
    command = [sys.executable, "-m", "agent.local", name, "--port", str(port)]
    root = f"http://{LOOPBACK}:{port}"
    log = f"{name}-{folder.name}" if folder else name
    async with running(log, command, {}, f"{root}/health", folder=folder):
        yield f"{root}/v1"


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    health: str,
    *,
    folder: Path | None = None,
) -> AsyncIterator[int]:
    """Run a program of the project, once it is ready, until the context ends.

    Args:
        name: Names its log, ``bench/out/programs/NAME.log``.
        command: Starts it.
        variables: Of its environment, besides this process's own.
        health: A URL that answers with 200 as soon as it is ready.
        folder: Where it is started; here if None.

    Yields:
        Its process id.
    """
    log = report.OUT / "programs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **variables},
            cwd=folder,
            stdout=file,
            stderr=file,
            # Not a session of its own: Linux shares the processor among sessions first, whatever
            # the priorities of their programs, and those of a stack are all in one.
            process_group=0,
        )
        try:
            await _ready(process, health, log)
            yield process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), _PATIENCE)
                except TimeoutError:
                    process.kill()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, health: str, log: Path) -> None:
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client, asyncio.timeout(_READY):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"{log.stem} ended by itself: see {log}")
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(health)).status_code == 200:
                    return
            await asyncio.sleep(0.1)
