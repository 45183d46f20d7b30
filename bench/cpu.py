"""What a room costs: processor time of the agent's process, in a silent room and in a talking one.

Run with ``make bench-cpu``. The room is a real one on a livekit-server, turn-taking and detectors
are the agent's own and its recogniser is the plugin's; the engines behind it answer at once and
cost nothing that counts here. For 20 seconds nobody speaks, and for 20 somebody does, with pauses
into which the agent answers. Only the agent's process is counted: the engines, the callers and
livekit-server are others.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import soundfile
from aiohttp import web
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.turn_taking import Endpointer
from pydantic import HttpUrl

from agent import engines, settings
from agent.assistant import Assistant
from agent.models import locate
from agent.session import make
from agent.stack import Server
from harness import report
from harness.agents import silent
from harness.caller import Caller, agent_token, join
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled
from harness.scripted import Llm, Tts
from harness.serving import serving

from . import programs

SECONDS = 20.0
"""How long each room is measured."""
PERSON = "anna"
GUEST = "ben"
"""Who is in the room too, and says nothing."""


class _Short(Llm):
    def answer(self, chat_ctx: llm.ChatContext) -> str:
        return "Certainly."


async def agent(url: str, key: str, secret: str, room_name: str, stt_url: str) -> None:
    """Be the agent in one room, until the process is ended."""
    profile, parley = settings.load("cpu"), silent("parley")
    room = rtc.Room()
    await room.connect(url, agent_token(Server(url, key, secret), room_name))
    endpointer = Endpointer.load(profile.turns.options)
    stt = profile.stt.model_copy(update={"base_url": HttpUrl(stt_url), "realtime": False})
    conversation = make(
        profile,
        parley,
        room=room,
        stt=engines.stt(stt, "en", detector=endpointer),
        llm=_Short(),
        tts=Tts(),
        language="en",
        endpointer=endpointer,
    )
    assistant = Assistant(parley, profile, "en", conversation.floor)
    await conversation.start(assistant, room, hears=PERSON)
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def recogniser() -> AsyncIterator[str]:
    """A server that understands one sentence, whatever is said; yields its address."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "scripted", "max_model_len": 448}]})

    async def transcribe(_: web.Request) -> web.Response:
        return web.json_response({"text": "Ask what you can do for your country."})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/audio/transcriptions", transcribe)
    async with serving(app) as root:
        yield f"{root}/v1"


async def measure(server: Server, stt_url: str, *, people: int) -> tuple[float, float]:
    """Hold one conversation.

    Returns:
        Seconds of processor time in a second of a silent room, and of a talking one.
    """
    name = f"cpu-{uuid.uuid4().hex[:8]}"
    speech = _speech()
    async with contextlib.AsyncExitStack() as stack:
        person = await stack.enter_async_context(join(server, name, identity=PERSON))
        if people > 1:
            await stack.enter_async_context(join(server, name, identity=GUEST))
        pid = await stack.enter_async_context(_agent_process(server, name, stt_url))
        await person.until("listening")
        await asyncio.sleep(2.0)  # tracks are published and subscribed to
        silent = await _used(pid, asyncio.sleep(SECONDS))
        talking = await _used(pid, _talk(person, speech))
    return silent, talking


@contextlib.asynccontextmanager
async def _agent_process(server: Server, room: str, stt_url: str) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.cpu", "--be-the-agent"),
        *(server.url, server.api_key, server.api_secret, room, stt_url),
    )
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _talk(person: Caller, speech: Samples) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while True:
                await person.say(speech)


async def _used(pid: int, doing: Awaitable[None]) -> float:
    loop = asyncio.get_running_loop()
    before, began = _processor_time(pid), loop.time()
    await doing
    return (_processor_time(pid) - before) / (loop.time() - began)


def _processor_time(pid: int) -> float:
    """Seconds that a process has used, all of its threads, in user and kernel mode."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    fields = re.sub(r".*\) ", "", stat).split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _speech() -> Samples:
    """Eleven seconds of a speech with pauses."""
    samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    return resampled(samples, rate, SAMPLE_RATE)


async def main() -> None:
    """Start a server and the agents, measure and report."""
    parser = argparse.ArgumentParser(prog="make bench-cpu ARGS=…", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="conversations of each kind (3)")
    parser.add_argument("--be-the-agent", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.be_the_agent:
        await agent(*args.be_the_agent)
        return
    metrics: dict[str, report.Metric] = {}
    async with programs.livekit() as server, recogniser() as stt_url:
        for people in (1, 2):
            runs = [await measure(server, stt_url, people=people) for _ in range(args.runs)]
            for kind, seconds in zip(("silent", "talking"), zip(*runs, strict=True), strict=True):
                milliseconds = [second * 1000 for second in seconds]
                metrics[f"cpu.{kind}.people{people}"] = report.percentiles(milliseconds, "ms/s")
    path = report.write("cpu", metrics, profile="cpu, scripted engines")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    asyncio.run(main())
