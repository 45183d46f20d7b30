"""Processes: restarted when they crash, and none left behind, however the end comes."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.stack import StackError
from agent.stack.readiness import wait_ready
from agent.stack.stack import STANDBY
from agent.stack.supervision import Program, Supervisor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def program(name: str, code: str, ready_line: str | None = "up") -> Program:
    return Program(
        name=name, what=f"the {name}", command=[sys.executable, "-c", code], ready_line=ready_line
    )


def supervisor(
    programs: list[Program], logs: Path, lines: list[str], **environment: str
) -> Supervisor:
    return Supervisor(
        programs,
        environment={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        folder=ROOT,
        logs=logs,
        on_line=lines.append,
        patience=1.0,
    )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(150):
        while not condition():
            await asyncio.sleep(0.02)


def running(mark: str) -> list[int]:
    """Processes with a text in their environment, as all that descends from a test has."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(") ")[2][0]
            if mark.encode() in (entry / "environ").read_bytes() and state not in "ZX":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def test_a_crashed_program_is_named_and_started_again(tmp_path: Path) -> None:
    lines: list[str] = []
    pids = program("worker", "import os, time; print('up', os.getpid()); time.sleep(600)")
    async with supervisor([pids], tmp_path, lines) as running_one:
        await wait_ready(running_one, [pids], on_line=lines.append, within=30)
        log = running_one.log("worker")
        first = int(log.read_text().split()[1])
        os.kill(first, signal.SIGKILL)
        await until(lambda: log.read_text().count("up") == 2)
        second = int(log.read_text().split()[3])
        os.kill(second, 0)  # it lives
        await until(lambda: len(lines) == 2)
    assert first != second
    assert lines[0].startswith("the worker is ready (")
    assert lines[1] == f"worker stopped (terminated by SIGKILL) and is started again: {log}"


async def test_a_program_that_keeps_failing_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    lines: list[str] = []
    broken = program("stt", "import sys; print('no model here'); sys.exit(3)")
    with pytest.raises(StackError, match="the stt keeps stopping: no model here"):
        async with supervisor([broken], tmp_path, lines) as running_one:
            await wait_ready(running_one, [broken], on_line=lines.append, within=60)
    assert lines[0].startswith("stt stopped (exit status 3) and is started again: ")


async def test_a_program_that_nobody_needs_keeps_nobody_waiting(tmp_path: Path) -> None:
    lines: list[str] = []
    worker = program("worker", "print('up'); import time; time.sleep(600)")
    aside = replace(program("aside", "import sys; sys.exit(3)"), needed=False)
    async with supervisor([aside, worker], tmp_path, lines) as running_two:
        await until(lambda: any(line.startswith("aside keeps stopping") for line in lines))
        await wait_ready(running_two, [aside, worker], on_line=lines.append, within=30)
    assert lines[-1].startswith("the worker is ready (")


async def test_a_program_that_never_is_ready_is_named_with_its_log(tmp_path: Path) -> None:
    fast, slow = (
        program("fast", "print('up'); import time; time.sleep(600)"),
        program("slow", "import time; time.sleep(600)"),
    )
    async with supervisor([fast, slow], tmp_path, []) as running_two:
        await wait_ready(running_two, [fast], on_line=lambda _: None, within=30)
        with pytest.raises(StackError) as refused:
            await wait_ready(running_two, [fast, slow], on_line=lambda _: None, within=0.5)
    assert str(refused.value) == f"Not ready after 0 s: the slow (see {tmp_path}/slow.log)."


async def test_the_agent_that_stands_by_is_waited_for(tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = (
        "import pathlib, time\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\n"
        "print('registered worker', flush=True); time.sleep(600)\n"
    )
    standby = replace(STANDBY, command=[sys.executable, "-c", code])
    lines: list[str] = []
    async with supervisor([standby], tmp_path, lines) as running_one:
        with pytest.raises(StackError, match="Not ready after 1 s: the agent that stands by"):
            await wait_ready(running_one, [standby], on_line=lines.append, within=1)
        assert not lines
        go.touch()
        await wait_ready(running_one, [standby], on_line=lines.append, within=30)
    assert lines[0].startswith("the agent that stands by is ready (")


async def test_a_program_has_its_own_environment_beside_that_of_all(tmp_path: Path) -> None:
    code = "import os, time; print(os.environ['ALL'], os.environ.get('KEY')); time.sleep(600)"
    shared = program("shared", code)
    own = replace(program("own", code), environment={"KEY": "a%20b, c"})
    async with supervisor(
        [replace(shared, ready_line="all None"), replace(own, ready_line="all a%20b, c")],
        tmp_path,
        [],
        ALL="all",
    ) as running_two:
        await wait_ready(
            running_two,
            [replace(shared, ready_line="all None"), replace(own, ready_line="all a%20b, c")],
            on_line=lambda _: None,
            within=30,
        )


def test_a_program_says_in_one_way_that_it_is_ready() -> None:
    with pytest.raises(ValueError, match="needs one of"):
        Program(name="a", what="a", command=[])
    with pytest.raises(ValueError, match="needs one of"):
        Program(name="a", what="a", command=[], ready_line="up", listens=("127.0.0.1", 1))


async def test_nothing_is_left_after_the_end(tmp_path: Path) -> None:
    mark = f"PARLEY_TEST={tmp_path}"
    parent = program(
        "parent",
        "import os, sys, time\n"
        "os.setpgrp()\n"  # out of reach of a signal to the program's group
        "os.fork() or time.sleep(600)\n"
        "print('up'); time.sleep(600)\n",
    )
    async with supervisor([parent], tmp_path, [], PARLEY_TEST=str(tmp_path)) as running_one:
        await wait_ready(running_one, [parent], on_line=lambda _: None, within=30)
        assert len(running(mark)) == 3  # supervisord, the parent, its child
    assert running(mark) == []


async def test_a_percent_sign_and_a_space_reach_a_program(tmp_path: Path) -> None:
    odd = program("odd", "print('up 100%', '%(ENV_HOME)s'); import time; time.sleep(600)")
    async with supervisor([odd], tmp_path / "a folder", []) as running_one:
        await wait_ready(running_one, [odd], on_line=lambda _: None, within=30)
        assert "up 100% %(ENV_HOME)s" in running_one.log("odd").read_text()


async def test_a_supervisor_that_cannot_start_says_why(tmp_path: Path) -> None:
    anything = program("anything", "pass")
    async with supervisor([anything], tmp_path / "%d", []) as never:
        with pytest.raises(StackError, match="supervisord ended by itself: .*-h"):
            await wait_ready(never, [anything], on_line=lambda _: None, within=30)


async def test_a_launcher_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    ends = [end_of_launcher(number, tmp_path / number.name, "stubborn") for number in signals]
    assert await asyncio.gather(*ends) == [0, 0, 0]


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
async def test_a_launcher_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    assert await end_of_launcher(signal.SIGKILL, tmp_path) == -signal.SIGKILL


async def test_a_launcher_whose_terminal_is_gone_ends_though_make_alone_is_told(
    tmp_path: Path,
) -> None:
    makefile = tmp_path / "Makefile"
    launch = f"{sys.executable} -m tests.setup.launcher {tmp_path / 'logs'} stubborn"
    makefile.write_text(f"run:\n\t@exec {launch}\n")
    mark = f"PARLEY_TEST={tmp_path}"
    ours, theirs = pty.openpty()
    try:
        make = await asyncio.create_subprocess_exec(
            *("setsid", "--ctty", "make", "-f", str(makefile)),
            cwd=ROOT,
            env={**os.environ, "PARLEY_TEST": str(tmp_path)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        # Make, and what the launcher starts.
        await until(lambda: len(running(mark)) == 6)
        os.close(ours)
        await until(lambda: not running(mark))
        await make.wait()
    finally:
        os.close(theirs)
        for pid in running(mark):
            os.kill(pid, signal.SIGKILL)


async def end_of_launcher(number: signal.Signals, logs: Path, *arguments: str) -> int:
    """Start a launcher, send it a signal, and wait until nothing is left of it."""
    mark = f"PARLEY_TEST={logs}"
    launcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.setup.launcher", str(logs), *arguments),
        cwd=ROOT,
        env={**os.environ, "PARLEY_TEST": str(logs)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        # The launcher, supervisord, two programs, and the child of one.
        await until(lambda: len(running(mark)) == 5)
        launcher.send_signal(number)
        await until(lambda: not running(mark))
        return await launcher.wait()
    finally:
        for pid in running(mark):
            os.kill(pid, signal.SIGKILL)


async def test_a_program_that_needs_the_others_to_its_end_stops_before_them(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        "signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit)); "
        "print('up', flush=True)\n"
        "try: time.sleep(600)\n"
        "except SystemExit: print('told', time.monotonic(), flush=True); "
        "time.sleep({delay}); print('ended', time.monotonic()); "
        "print('child', child.poll()); child.kill()"
    )
    # Longer than the others may take, and more of it than supervisord looks around in.
    agent = replace(program("agent", code.format(delay=2.5)), patience=10.0)
    engine = program("engine", code.format(delay=0))
    async with supervisor([agent, engine], tmp_path, []) as running_two:
        await wait_ready(running_two, [agent, engine], on_line=lambda _: None, within=30)

    def said(name: str, what: str) -> str:
        words = (tmp_path / f"{name}.log").read_text().split()
        return words[words.index(what) + 1]

    def when(name: str, what: str) -> float:
        return float(said(name, what))

    assert said("agent", "child") == "None"  # a job's process is told by its server alone
    assert when("agent", "ended") - when("agent", "told") > 2
    assert when("engine", "told") > when("agent", "ended")
