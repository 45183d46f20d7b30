"""The processes of agent servers that this process has started, to be killed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import psutil


def server(variables: Mapping[str, str], *, standby: bool = False) -> psutil.Process | None:
    """An agent server that runs below this process; None while there is none.

    Args:
        variables: Environment variables by which it is told from those of others.
        standby: Whether it is the one that stands by.
    """
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # gone in the meantime
            if process.cmdline()[1:3] != ["agent.py", "start"]:
                continue
            of = process.environ()
            if standby == (of.get("PARLEY_STANDBY") == "1") and variables.items() <= of.items():
                return process
    return None


async def in_service(
    logs: Path, variables: Mapping[str, str], *, within: float = 150.0
) -> psutil.Process:
    """Wait for an agent server and one that stands by to take calls, and return the first.

    Args:
        logs: Folder of their logs, ``agent.log`` and ``standby.log``.
        variables: As for :func:`server`.
        within: Longest wait, in seconds.

    Raises:
        TimeoutError: They did not in time.
    """
    async with asyncio.timeout(within):
        while True:
            first, other = (server(variables, standby=standby) for standby in (False, True))
            if (
                first
                and other
                and _serves(first, logs / "agent.log")
                and _serves(other, logs / "standby.log")
            ):
                return first
            await asyncio.sleep(0.2)


def _serves(process: psutil.Process, log: Path) -> bool:
    """Whether LiveKit knows a server, and a process for a job is warm."""
    said = log.read_text(errors="replace").rpartition('"starting worker"')[2]
    return all(
        text in said
        for text in (f'"pid": {process.pid},', "registered worker", "process initialized")
    )


def job(server: psutil.Process) -> psutil.Process | None:
    """The process of a server that is in a room; None if there is none.

    Its idle ones have no media, which goes over UDP.
    """
    for process in server.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(c.type == socket.SOCK_DGRAM for c in process.net_connections("inet")):
                return process
    return None


async def job_of(server: psutil.Process, *, within: float = 10.0) -> psutil.Process:
    """Wait for a process of a server to be in a room.

    Raises:
        TimeoutError: None was in time.
    """
    async with asyncio.timeout(within):
        while not (found := job(server)):
            await asyncio.sleep(0.05)
    return found


def kill(process: psutil.Process) -> float:
    """Kill one process, as the kernel does that wants its memory; when, on the monotonic clock."""
    process.kill()
    return time.monotonic()


def kill_with_jobs(process: psutil.Process) -> float:
    """Kill a server with its jobs, as the end of a container does."""
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            each.kill()
    return time.monotonic()
