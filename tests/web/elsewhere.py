"""A browser in a network of its own, for test_reach.py, which runs this in a network namespace.

``tunnel FOLDER PORT…``: the network leads nowhere, and 127.0.0.1:PORT is what stands behind the
socket FOLDER/PORT, as with ``ssh -L``. ``alone``: livekit-server and the page are in it too.
``cut-off``: so they are, and there is nothing but the loopback interface.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from livekit import rtc
from playwright.async_api import async_playwright

from agent.web.livekit_url import LiveKit
from harness.livekit_server import LiveKitServer
from tests.room.sealed import open_way_out

from .actor import Actor, enter
from .conftest import CHROMIUM, FLAGS, serve, visiting
from .visitor import Visitor

_SPEAKS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# Keeps hold of the page's connections, and tells over what their media go.
_WATCH = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...all) { super(...all); window.connections.push(this); }
};
"""
_OVER = """async () => {
  const over = new Set();
  for (const each of window.connections) {
    const stats = await each.getStats();
    for (const transport of stats.values()) {
      const pair = stats.get(transport.selectedCandidatePairId);
      if (pair) over.add(stats.get(pair.remoteCandidateId).protocol);
    }
  }
  return [...over];
}"""


async def passing_on(connect: Callable[[], Awaitable[Streams]], *one: object) -> None:
    """Connect a connection that has come in with another one."""
    reader, writer = one
    assert isinstance(reader, asyncio.StreamReader)
    assert isinstance(writer, asyncio.StreamWriter)
    try:
        there, answer = await connect()
    except OSError:
        writer.close()
        return

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    await asyncio.gather(pump(reader, answer), pump(there, writer))


@contextlib.asynccontextmanager
async def exits(folder: Path, *ports: int) -> AsyncIterator[None]:
    """The end of a tunnel where the servers are: a socket in a folder for each port."""
    async with contextlib.AsyncExitStack() as held:
        for port in ports:

            async def taken(*one: object, port: int = port) -> None:
                await passing_on(lambda: asyncio.open_connection("127.0.0.1", port), *one)

            await held.enter_async_context(
                await asyncio.start_unix_server(taken, folder / str(port))
            )
        yield


@contextlib.asynccontextmanager
async def entrances(folder: Path, *ports: int) -> AsyncIterator[None]:
    """The other end of it: the same ports, here."""
    async with contextlib.AsyncExitStack() as held:
        for port in ports:

            async def taken(*one: object, port: int = port) -> None:
                await passing_on(
                    lambda: asyncio.open_unix_connection(folder / str(port)),
                    *one,
                )

            await held.enter_async_context(await asyncio.start_server(taken, "127.0.0.1", port))
        yield


@contextlib.asynccontextmanager
async def browsing() -> AsyncIterator[Visitor]:
    """A browser with a microphone that beeps; what the page's own policy blocks is a failure."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, *_SPEAKS]
        )
        try:
            async with visiting(browser) as visitor:
                await visitor.page.add_init_script(_WATCH)
                yield visitor
        finally:
            await browser.close()


async def over(visitor: Visitor) -> list[str]:
    """The protocols over which the media of a conversation go."""
    protocols: list[str] = await visitor.page.evaluate(_OVER)
    return protocols


async def heard(actor: Actor) -> None:
    """Wait until the actor hears the visitor's microphone, which beeps every second."""
    async with asyncio.timeout(20):
        while not (tracks := [p.track for p in actor.guest.track_publications.values() if p.track]):
            await asyncio.sleep(0.05)
        stream = rtc.AudioStream(tracks[0])
        try:
            async for event in stream:
                if max(abs(sample) for sample in event.frame.data) > 3000:
                    return
        finally:
            await stream.aclose()


async def tunnel(folder: Path, *ports: int) -> None:
    """Talk, from behind a tunnel whose first port is the page's; prints the room, then how."""
    open_way_out()
    async with entrances(folder, *ports), browsing() as visitor:
        await visitor.open(f"http://127.0.0.1:{ports[0]}")
        ticket = await visitor.join()
        print(ticket["room"], flush=True)
        await visitor.phase("live", within=30)
        await visitor.loud("mic")
        await visitor.loud("voice")
        await visitor.no_notice()
        print(json.dumps(await over(visitor)), flush=True)
        await asyncio.to_thread(sys.stdin.readline)  # until we have been heard, too


async def alone() -> None:
    """Talk where everything is on a machine whose network leads nowhere; prints how."""
    open_way_out()
    async with _page() as (livekit, visitor):
        ticket = await visitor.join()
        await visitor.phase("live", within=30)
        async with enter(livekit, ticket["room"]) as actor:
            await actor.state("speaking")
            await visitor.loud("voice")
            await heard(actor)
            await visitor.no_notice()
        print(json.dumps(await over(visitor)))


async def cut_off() -> None:
    """Try to talk on a machine that has no network at all; ends once the page has said that."""
    async with _page() as (_, visitor):
        await visitor.join()
        await visitor.notice("no-network", within=40)
        print(json.dumps(None))


@contextlib.asynccontextmanager
async def _page() -> AsyncIterator[tuple[LiveKit, Visitor]]:
    with tempfile.TemporaryDirectory() as folder:
        server = LiveKitServer(Path(folder) / "livekit.yaml")
        await server.start()
        try:
            async with serve(server.livekit, max_rooms=10) as site, browsing() as visitor:
                await visitor.open(site)
                yield server.livekit, visitor
        finally:
            await server.kill()


if __name__ == "__main__":
    how, *what = sys.argv[1:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if how == "tunnel":
        asyncio.run(tunnel(Path(what[0]), *map(int, what[1:])))
    else:
        asyncio.run({"alone": alone, "cut-off": cut_off}[how]())
