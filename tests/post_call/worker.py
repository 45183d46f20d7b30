"""A process that delivers an outbox, to be killed: ``python -m tests.post_call.worker``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from agent.post_call import Deliverer, Outbox, places
from agent.post_call_settings import PostCallSettings


async def main(command: str, path: str, url: str, secret: str) -> None:
    """Deliver with short waits, or put a record and die."""
    outbox = Outbox(Path(path))
    settings = PostCallSettings.model_validate({"webhook": {"url": url, "secret": secret}})
    if command == "put-and-die":
        record = {"id": "call_1", "transcript": [], "started_at": "2026-11-29"}
        await outbox.put(record, places(settings))
        os.kill(os.getpid(), signal.SIGKILL)
    await Deliverer(settings, outbox, delays=[0.05] * 10, lease=0.6, poll=0.05).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
