"""The real servers as processes of their own, all gone when the tests are, whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import aiohttp
import platformdirs
import pytest

HERE = Path(__file__).parent
_ROOT = HERE.parents[1]
_PLUGIN = f"{_ROOT / 'gpu/plugin'}:{_ROOT}"
API_KEY = "a-key-of-the-tests"
# Importing vLLM takes half a minute of a core; on a machine with other work it took two.
START_TIMEOUT = 400.0

_HEADERS = {"Authorization": f"Bearer {API_KEY}"}

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    # One thread a process, so that processes can be forked.
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # Nothing of vllm-omni in plain vLLM.
    "VLLM_PLUGINS": "",
}


def engines_folder() -> Path:
    """Where scripts/setup_engines.sh puts the engines."""
    root = os.environ.get("PARLEY_CACHE") or platformdirs.user_cache_path("parley")
    return Path(root) / "engines"


class Launcher:
    """A Python process that has imported vLLM, and forks servers.

    Args:
        modules: What to import.
        folder: For logs and caches.
        python_path: Searched before the environment's own packages.
    """

    def __init__(self, modules: Sequence[str], folder: Path, *, python_path: str = "") -> None:
        engines = engines_folder()
        self.folder = folder
        self._log: IO[bytes] = (folder / "launcher.log").open("wb")
        self._process = subprocess.Popen(
            [engines / "venv/bin/python", HERE / "launcher.py", *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={
                **os.environ,
                **_ENVIRONMENT,
                "PYTHONPATH": python_path,
                "VLLM_CACHE_ROOT": str(folder / "cache"),
                "SPEAKER_SAMPLES_DIR": str(folder / "speakers"),
            },
        )
        self._ready = False

    def launch(self, call: str, argv: Sequence[str], log: Path) -> int:
        """Fork a server; returns its process group."""
        if not self._ready:
            self._ready = self._answer(START_TIMEOUT) == "ready"
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": call, "argv": argv, "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return int(self._answer(10.0))

    def close(self) -> None:
        """End every server, and the launcher."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _answer(self, deadline: float) -> str:
        assert self._process.stdout is not None
        # A pipe has no deadline of its own; killing the process ends the read.
        timer = threading.Timer(deadline, self._process.kill)
        timer.start()
        try:
            # What a library prints while it is imported is not an answer.
            for line in self._process.stdout:
                if (answer := line.strip()) == "ready" or answer.isdigit():
                    return answer
        finally:
            timer.cancel()
        raise RuntimeError(f"vLLM could not be imported:\n{_tail(self.folder / 'launcher.log')}")


@dataclass
class Server:
    """One server.

    Attributes:
        launcher: Forks it.
        call: Its main function, as "module:function".
        argv: Its options, without its address and key.
        name: Name of its log.
    """

    launcher: Launcher
    call: str
    argv: list[str]
    name: str
    port: int = field(default_factory=lambda: _free_port())
    group: int | None = None

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"

    @property
    def log(self) -> Path:
        return self.launcher.folder / f"{self.name}.log"

    def start(self) -> None:
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--api-key", API_KEY]
        self.group = self.launcher.launch(self.call, [*self.argv, *address], self.log)

    def wait(self) -> None:
        """Wait until it is healthy."""
        deadline = time.monotonic() + START_TIMEOUT
        while not self._healthy():
            if not self._alive():
                raise RuntimeError(f"{self.name} ended:\n{_tail(self.log)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not healthy yet:\n{_tail(self.log)}")
            time.sleep(0.2)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.group is not None:
            os.killpg(self.group, signal.SIGKILL)
            while self._alive():
                time.sleep(0.02)
        self.group = None

    async def get(self, path: str) -> str:
        async with (
            aiohttp.ClientSession(headers=_HEADERS) as session,
            session.get(self.root + path, raise_for_status=True) as response,
        ):
            return await response.text()

    async def post(self, path: str, body: Any) -> str:
        async with (
            aiohttp.ClientSession(headers=_HEADERS) as session,
            session.post(self.root + path, json=body, raise_for_status=True) as response,
        ):
            return await response.text()

    async def metric(self, name: str) -> float:
        """The sum of a Prometheus metric over its labels."""
        lines = (await self.get("/metrics")).splitlines()
        found = [line for line in lines if line.startswith((name + "{", name + " "))]
        assert found, f"{name} is not a metric of {self.name}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def _healthy(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.root}/health", timeout=2.0).close()
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _alive(self) -> bool:
        assert self.group is not None
        try:
            os.killpg(self.group, 0)
        except ProcessLookupError:
            return False
        return True


async def until(holds: Callable[[], Awaitable[bool]], *, within: float = 60.0) -> None:
    """Ask again and again until it holds.

    Raises:
        TimeoutError: It did not within so many seconds.
    """
    async with asyncio.timeout(within):
        while not await holds():
            await asyncio.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


async def printed(module: str, *args: str | Path) -> Any:
    """What a module of this package prints in the engines' environment."""
    engines = engines_folder()
    if not (engines / "installed").is_file():
        pytest.skip("the engines are not installed: run scripts/setup_engines.sh")
    process = await asyncio.create_subprocess_exec(
        *(engines / "venv/bin/python", "-m", f"{__package__}.{module}", *args),
        env={**os.environ, "PYTHONPATH": _PLUGIN, "HF_HUB_OFFLINE": "1", "VLLM_PLUGINS": ""},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])
