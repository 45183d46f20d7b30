"""Starts servers that share one import of vLLM, which takes half a minute of a core.

Run by the engines' own Python: launcher.py MODULE... imports the modules, then reads requests
from stdin, one JSON object a line, and forks a process for each:
    {"call": "module:function", "argv": [...], "log": "path"}
It answers with the process's id, which is also its process group. As long as anything of a group
runs, the group can be signalled. When stdin ends, however that came about, all are ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time


def main() -> None:
    modules = sys.argv[1:]
    _stay_in_this_process()
    for module in modules:
        importlib.import_module(module)
    # Ctrl-C reaches the whole terminal; the servers end when whoever started this has.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The kernel reaps: a process that has ended is gone, and os.kill tells so.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    groups = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        # Here as well as in the process itself: whoever reads its id may signal the group at once.
        os.setpgid(pid, pid)
        groups.append(pid)
        print(pid, flush=True)
    # Told to stop, they give their shared memory back.
    for step in (signal.SIGTERM, signal.SIGKILL):
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, step)
        _wait(groups, seconds=5.0)
    os._exit(0)  # taking down all that was imported takes seconds


def _wait(groups: list[int], *, seconds: float) -> None:
    """Wait until all of the groups are gone, but no longer than so many seconds."""
    deadline = time.monotonic() + seconds
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(group, 0)
                time.sleep(0.02)


def _stay_in_this_process() -> None:
    """Have vLLM fork its engine too, and look at a model's class without a process of its own.

    It does the first on a GPU; on a CPU it spawns in order to set each worker's OpenMP threads,
    of which there is one here.
    """
    import vllm.envs
    from vllm.model_executor.models import registry

    vllm.envs.environment_variables["VLLM_WORKER_MULTIPROC_METHOD"] = lambda: "fork"
    registry._run_in_subprocess = lambda fn: fn()


def _become(request: dict[str, object]) -> None:
    """Turn this process into the server that the request names; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgid(0, 0)
    log = os.open(str(request["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    module, function = str(request["call"]).split(":")
    sys.argv = [module, *request["argv"]]  # type: ignore[misc]
    status = 1
    try:
        getattr(importlib.import_module(module), function)()
        status = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
