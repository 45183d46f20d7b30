"""Serve the bridge: ``python -m agent.bridge [--host 127.0.0.1] [--port 8090]``."""

from __future__ import annotations

import argparse
import asyncio
import sys

import uvicorn
from livekit.agents import APIError
from livekit.plugins.turn_taking.end_of_turn import smart_turn

from agent import settings
from agent.telephony import mask_logs

from .engines import open_engines, sentence
from .server import create_app


def main() -> None:
    """Read the profile, say in one sentence what is wrong with it, or serve."""
    parser = argparse.ArgumentParser(prog="python -m agent.bridge", description="Serve the bridge.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on (%(default)s)")
    arguments = parser.parse_args()
    try:
        loaded = settings.load()
    except settings.SettingsError as e:
        sys.exit(str(e))
    if arguments.host not in ("127.0.0.1", "::1", "localhost") and not loaded.bridge.api_key:
        sys.exit(
            f"--host {arguments.host} opens the bridge to others: set PARLEY_BRIDGE__API_KEY to a "
            "key that they must send."
        )
    mask_logs()
    asyncio.run(_serve(loaded, arguments.host, arguments.port))


async def _serve(loaded: settings.Settings, host: str, port: int) -> None:
    async with open_engines(loaded) as (engines, open_call):
        try:
            await engines.warm()
        except APIError as e:
            sys.exit(sentence(e))
        if loaded.bridge.stream_url:
            smart_turn.load()  # or the first caller would wait for it
        await uvicorn.Server(
            uvicorn.Config(
                create_app(loaded, engines, open_call),
                host=host,
                port=port,
                log_level="warning",
                ws="wsproto",
                ws_max_size=1 << 16,  # a message is 20 ms of sound
                timeout_graceful_shutdown=3,
            )
        ).serve()


if __name__ == "__main__":
    main()
