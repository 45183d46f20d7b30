"""Plays conversations, some at a time, and judges them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Self

from agent.stack import Server
from harness import recording

from . import engines, systems
from .judge import Finding, judge
from .play import Take, conversation, failed, on
from .scenarios import Case


class Runner:
    """Holds the conversations, inside its context.

    Args:
        server: The livekit-server that they are held on.
        served: The engines of all systems.
        folder: Where a row for each case is kept, and its recording.
        resume: Whether to go on with the rows that are there.
        keep: Whether to keep the recording of every case.
    """

    def __init__(
        self,
        server: Server,
        served: engines.Engines,
        folder: Path,
        *,
        resume: bool = False,
        keep: bool = False,
    ) -> None:
        self._server, self._engines, self._keep = server, served, keep
        self._judges = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_outlast_signals
        )
        self._folder = folder
        self._rows = folder / "rows.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self.findings = _played(self._rows) if resume and self._rows.is_file() else []
        self._rows.write_text("".join(map(_row, self.findings)), encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._judges.shutdown()

    async def work(
        self, slot: int, names: Sequence[str], lines: Sequence[str], todo: list[list[Case]]
    ) -> None:
        """Take one conversation after the other and hold it with each system, on each line."""
        async with contextlib.AsyncExitStack() as stack:
            hosts = {
                name: await stack.enter_async_context(systems.start(name, slot)) for name in names
            }
            played = {(f.key, f.system) for f in self.findings}
            while todo:
                cases = todo.pop()
                for name, line in itertools.product(names, lines):
                    left = [c for c in cases if (c.key, on(name, line)) not in played]
                    if not left:
                        continue
                    try:
                        async for take in conversation(
                            list(left), hosts[name], line, self._server, self._engines
                        ):
                            left.remove(take.case)
                            await self._judge(take)
                    except (systems.SystemFailure, TimeoutError) as e:
                        for case in left:
                            await self._judge(failed(case, on(name, line), e))
                        hosts[name].kill()
                        hosts[name] = await stack.enter_async_context(systems.start(name, slot))

    async def _judge(self, take: Take) -> None:
        # In a process of its own: a caller that shares its interpreter would be held up.
        loop = asyncio.get_running_loop()
        finding = await loop.run_in_executor(self._judges, judge, take)
        self.findings.append(finding)
        if self._keep and not take.failed:
            await asyncio.to_thread(_keep, take, self._folder)
        with self._rows.open("a", encoding="utf-8") as file:
            file.write(_row(finding))


def _outlast_signals() -> None:
    """Leave it to the run to end: Ctrl-C and `timeout` reach all of its process group at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _played(rows: Path) -> list[Finding]:
    """What an earlier run found; cases that failed in it are to be played again."""
    found = [Finding(**json.loads(line)) for line in rows.read_text("utf-8").splitlines()]
    return [finding for finding in found if not finding.failed]


def _row(finding: Finding) -> str:
    return json.dumps(asdict(finding), ensure_ascii=False) + "\n"


def _keep(take: Take, folder: Path) -> None:
    said, heard = recording.Channel(), recording.Channel()
    said.put(take.said, len(take.said) / recording.SAMPLE_RATE)
    heard.put(take.heard, len(take.heard) / recording.SAMPLE_RATE)
    recording.write(folder / take.system / f"{take.case.key}.wav", said, heard)
