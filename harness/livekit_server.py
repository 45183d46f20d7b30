"""A livekit-server alone, for tests and measurements that bring an agent of their own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from pathlib import Path

import httpx
import yaml

from agent.models.store import cache
from agent.web.livekit_url import LiveKit

KEY, SECRET = "testkey", "a-secret-that-must-stay-on-the-server"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LiveKitServer:
    """A livekit-server that can be killed and started again at the same address."""

    def __init__(self, config: Path) -> None:
        port = free_port()
        config.write_text(
            yaml.safe_dump(
                {
                    "port": port,
                    "bind_addresses": ["127.0.0.1"],
                    "keys": {KEY: SECRET},
                    "rtc": {
                        "tcp_port": free_port(),
                        "udp_port": free_port(),
                        "node_ip": "127.0.0.1",
                        "use_external_ip": False,
                        "enable_loopback_candidate": True,
                        "ips": {"includes": ["127.0.0.1/32"]},
                        "stun_servers": ["127.0.0.1:9"],
                    },
                    "logging": {"level": "warn"},
                }
            )
        )
        self.livekit = LiveKit(f"ws://127.0.0.1:{port}", KEY, SECRET)
        self.config = config
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        binary = shutil.which("livekit-server") or cache() / "bin" / "livekit-server"
        self._process = await asyncio.create_subprocess_exec(
            binary, "--config", self.config, stdout=asyncio.subprocess.DEVNULL, stderr=None
        )
        url = self.livekit.url.replace("ws", "http", 1)
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(url)).is_success:
                        return
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
