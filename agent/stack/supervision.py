"""A supervisord of our own: it runs the programs, restarts what crashes, ends with us.

supervisord restarts a program that stops at once, and one that stops again and again after 1, 2
and 3 seconds before it gives up. It runs in a session of its own, so that Ctrl-C reaches it only
through us, and so that everything that descends from it can be found when it is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

# A program that stops sooner than this failed to start, which is tried 4 times: longer than any of
# them needs to find out that something is missing. Seconds.
_START_SECONDS = 10
# supervisord looks around once a second: what it needs beyond the programs' own time. Seconds.
_SLACK_SECONDS = 4.0
_FOLLOW_SECONDS = 0.1

# "exited: tts (exit status 1; not expected)", "gave up: tts entered FATAL state, ..."
_EVENT = re.compile(r" (exited|gave up): ([\w-]+) \(?([^;)]*)")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process to keep running, and the one way in which it says that it is ready.

    Raises:
        ValueError: It says so in no way, or in several.
    """

    name: str
    """Its short name, also that of its log file."""
    what: str
    """What messages call it, as in "the voice is ready"."""
    command: Sequence[str]
    health: str | None = None
    """An address that answers 200 once the program is ready."""
    ready_line: str | None = None
    """Text that its log contains once it is ready."""
    listens: tuple[str, int] | None = None
    """Host and port where it takes TCP connections once it is ready."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of its own, beside those of all."""
    patience: float | None = None
    """Seconds that it may take to stop, for one that is stopped before the others because it needs
    them until then; None for the others."""
    needed: bool = True
    """Whether there is nothing to be done before it is ready, nor without it."""

    def __post_init__(self) -> None:
        ways = (self.health, self.ready_line, self.listens)
        if sum(way is not None for way in ways) != 1:
            # Of one that says it in no way nothing would be asked: it would be ready at once.
            raise ValueError(f"{self.name} needs one of health, ready_line and listens")


class Supervisor:
    """Runs programs for as long as its context lasts.

    Args:
        programs: What to run; all start at once.
        environment: All of their environment variables.
        folder: Their working directory.
        logs: Where each writes ``NAME.log``; what an earlier run left there is removed.
        on_line: Called with one line for each thing worth knowing.
        patience: How long a program may take to stop before it is killed, in seconds.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        environment: Mapping[str, str],
        folder: Path,
        logs: Path,
        on_line: Callable[[str], None],
        patience: float = 5.0,
    ) -> None:
        self._programs = {program.name: program for program in programs}
        self._environment = dict(environment)
        self._folder = folder
        self._logs = logs
        self._on_line = on_line
        self._patience = patience
        self._stopping = False
        self.given_up: set[str] = set()
        """Names of the programs that are not started again."""

    def log(self, name: str) -> Path:
        """The log file of a program."""
        return self._logs / f"{name}.log"

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        for old in self._logs.glob("*.log*"):
            old.unlink()
        self._run = tempfile.TemporaryDirectory(prefix="parley-")
        config = Path(self._run.name) / "supervisord.conf"
        with config.open("w", encoding="utf-8") as stream:
            self._config().write(stream)
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(config)]
        if setpriv := shutil.which("setpriv"):
            # Stops everything even where this process is killed and cannot do it any more.
            command = [setpriv, "--pdeathsig", "TERM", *command]
        # Not a pipe: it would break when this process is killed, and supervisord with it.
        with self.log("supervisord").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
            )
        self._events = asyncio.create_task(self._follow_events())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping = True
        try:
            if self._process.returncode is None:
                self._process.terminate()
                async with asyncio.timeout(self._longest + _SLACK_SECONDS):
                    await self._process.wait()
        except TimeoutError:
            self._on_line("Some programs did not stop when asked, and are killed.")
        finally:
            _kill_session(self._process.pid)
            self._events.cancel()
            self._run.cleanup()

    @property
    def _longest(self) -> float:
        """Seconds that all of them may take to stop."""
        first = [p.patience for p in self._programs.values() if p.patience is not None]
        return self._patience + max(first, default=0.0)

    async def ended(self) -> str:
        """Wait until supervisord ends, which it never does by itself, and return its last line."""
        await self._process.wait()
        lines = self.log("supervisord").read_text(errors="replace").splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    @property
    def has_ended(self) -> bool:
        """Whether supervisord has ended, and all programs with it."""
        return self._process.returncode is not None

    def _config(self) -> ConfigParser:
        config = ConfigParser(interpolation=None)
        config["supervisord"] = {
            "logfile": "/dev/null",  # what it says goes to its output
            "logfile_maxbytes": "0",
            "pidfile": _literal(f"{self._run.name}/supervisord.pid"),
            "childlogdir": _literal(str(self._logs)),
        }
        for program in self._programs.values():
            config[f"program:{program.name}"] = {
                "command": _literal(shlex.join(program.command)),
                "environment": _literal(
                    ",".join(f'{name}="{value}"' for name, value in program.environment.items())
                ),
                "autorestart": "true",
                "startsecs": str(_START_SECONDS),
                "stopwaitsecs": str(math.ceil(program.patience or self._patience)),
                # Not those that an agent server has started: their calls are to end first.
                "stopasgroup": "true" if program.patience is None else "false",
                "killasgroup": "true",
                "redirect_stderr": "true",
                "stdout_logfile": _literal(str(self.log(program.name))),
                "stdout_logfile_maxbytes": "10MB",
                "stdout_logfile_backups": "1",
            }
        # One group stops all at once; separate programs would stop one after the other. Of two the
        # one of the higher number stops first.
        last = [p.name for p in self._programs.values() if p.patience is None]
        first = [name for name in self._programs if name not in last]
        for priority, (group, names) in enumerate((("parley", last), ("first", first))):
            if names:
                config[f"group:{group}"] = {"programs": ",".join(names), "priority": str(priority)}
        return config

    async def _follow_events(self) -> None:
        with self.log("supervisord").open(encoding="utf-8", errors="replace") as log:
            line = ""
            while True:
                line += log.readline()
                if not line.endswith("\n"):  # nothing more, or half a line
                    await asyncio.sleep(_FOLLOW_SECONDS)
                    continue
                if event := _EVENT.search(line):
                    self._tell(*event.groups())
                line = ""

    def _tell(self, kind: str, name: str, detail: str) -> None:
        if self._stopping:
            return
        if kind == "exited":
            self._on_line(f"{name} stopped ({detail}) and is started again: {self.log(name)}")
        else:
            self.given_up.add(name)
            self._on_line(f"{name} keeps stopping and was given up: {self.log(name)}")


def _literal(text: str) -> str:
    """Guard the character with which supervisord's configuration begins a variable."""
    return text.replace("%", "%%")


def _kill_session(session: int) -> None:
    """Kill whatever is left of a session: programs that outlived their parent or their time."""
    for _ in range(100):
        if not (left := _members(session)):
            return
        for process in left:
            with contextlib.suppress(ProcessLookupError):  # gone in the meantime
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)  # the kernel takes a moment; 2 s in all


def _members(session: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # proc(5): "PID (NAME) STATE PPID PGRP SESSION ...", where NAME may hold anything.
            state, _, _, its_session = (entry / "stat").read_text().rpartition(") ")[2].split()[:4]
        except (OSError, ValueError):
            continue  # gone in the meantime
        if its_session == str(session) and state not in "ZX":
            found.append(int(entry.name))
    return found
