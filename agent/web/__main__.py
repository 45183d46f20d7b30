"""Serve the page: ``python -m agent.web [--host 127.0.0.1] [--port 8080]``."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from agent import settings
from agent.models import ModelError, locate
from agent.recovery import open_book

from .livekit_url import LiveKit, LiveKitError
from .server import create_app


def main() -> None:
    """Read the environment, say in one sentence what is missing, or serve."""
    parser = argparse.ArgumentParser(prog="python -m agent.web", description="Serve the page.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on (%(default)s)")
    arguments = parser.parse_args()
    try:
        profile, livekit = settings.load(), LiveKit.from_environment()
        app = create_app(
            livekit,
            client_library=locate("web"),
            max_rooms=profile.max_rooms,
            book=open_book(profile.history_store, livekit.url),
        )
    except (LiveKitError, ModelError, settings.SettingsError) as e:
        sys.exit(str(e))
    # uvicorn believes X-Forwarded-For only from the proxies named in FORWARDED_ALLOW_IPS
    # (127.0.0.1 when unset), so nobody else can choose the address they are limited by.
    uvicorn.run(app, host=arguments.host, port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
