"""``python -m tests.setup.launcher LOGS [stubborn]``: keep two programs running until told to stop.

One of them has a child, and neither is ever ready: whoever stops this stops programs in the middle
of their start. Stubborn ones ignore SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from agent.stack.readiness import wait_ready
from agent.stack.supervision import Program, Supervisor
from agent.stack.terminal import say, until_stopped

WAIT = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}"


async def main() -> None:
    child = STUBBORN if sys.argv[2:] == ["stubborn"] else WAIT
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    programs = [
        Program(name=name, what=name, command=[sys.executable, "-c", code], ready_line="never")
        for name, code in (("single", child), ("parent", parent))
    ]
    async with Supervisor(
        programs,
        environment=os.environ,
        folder=Path.cwd(),
        logs=Path(sys.argv[1]),
        on_line=say,
        patience=1.0,
    ) as supervisor:
        await wait_ready(supervisor, programs, on_line=say, within=60)


if __name__ == "__main__":
    asyncio.run(until_stopped(main()))
