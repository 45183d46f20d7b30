"""The page from elsewhere: through a tunnel, on a network by https, and without any network."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from playwright.async_api import Browser

from agent.certificate import certificate_of
from harness.livekit_server import LiveKitServer

from .actor import enter
from .conftest import serve
from .elsewhere import exits, heard
from .visitor import Visitor

pytestmark = [pytest.mark.web, pytest.mark.asyncio(loop_scope="session")]

_UNSHARE = ["unshare", "--net", "--map-root-user"]
_networks = pytest.mark.skipif(
    subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
    reason="this kernel gives no network namespace to an ordinary user",
)


@contextlib.asynccontextmanager
async def elsewhere(*arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a browser in a network of its own."""
    process = await asyncio.create_subprocess_exec(
        *(*_UNSHARE, sys.executable, "-m", "tests.web.elsewhere", *map(str, arguments)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    said = await process.stdout.readline()
    assert said, "it ended without a word"
    return said.decode().strip()


@_networks
async def test_two_tcp_ports_are_enough_for_a_conversation(
    server: LiveKitServer, site: str, tmp_path: Path
) -> None:
    page = urlsplit(site).port
    media = yaml.safe_load(server.config.read_text())["rtc"]["tcp_port"]
    assert page
    async with (
        exits(tmp_path, page, media),
        elsewhere("tunnel", tmp_path, str(page), str(media)) as browser,
        enter(server.livekit, await line(browser)) as actor,
    ):
        await actor.state("speaking")
        assert json.loads(await line(browser)) == ["tcp"]
        await heard(actor)
        assert browser.stdin
        browser.stdin.write(b"\n")


@_networks
async def test_without_internet_nothing_is_missed() -> None:
    async with elsewhere("alone") as browser:
        assert json.loads(await line(browser)) == ["udp"]


@_networks
async def test_without_any_network_the_page_says_so() -> None:
    async with elsewhere("cut-off") as browser:
        assert json.loads(await line(browser)) is None


def address_of_this_machine() -> str | None:
    """An address of it that is not loopback; None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # which sends nothing
        except OSError:
            return None
        address: str = asking.getsockname()[0]
        return address


async def test_on_a_network_the_microphone_needs_https(
    browser: Browser, server: LiveKitServer, tmp_path: Path
) -> None:
    address = address_of_this_machine()
    if address is None:
        pytest.skip("this machine has no network")
    certificate = certificate_of(address, {"PARLEY_CERTIFICATE": "made"}, tmp_path)
    # As for whoever has been warned, and goes on.
    context = await browser.new_context(
        locale="en-GB", permissions=["microphone"], ignore_https_errors=True
    )
    try:
        visitor = Visitor(await context.new_page())
        async with serve(server.livekit, max_rooms=10, host=address) as plain:
            await visitor.open(plain)
            assert not await visitor.page.evaluate("isSecureContext")
            await visitor.join()
            await visitor.notice("mic-insecure")
        visitor = Visitor(await context.new_page())
        async with serve(
            server.livekit, max_rooms=10, host=address, certificate=certificate
        ) as site:
            await visitor.open(site)
            assert await visitor.page.evaluate("isSecureContext")
            ticket = await visitor.join()
            assert ticket["url"] == site.replace("https:", "wss:") + "/livekit"
            await visitor.phase("live")
            await visitor.mic("on")
            async with enter(server.livekit, ticket["room"]) as actor:
                await actor.state("speaking")
                await visitor.loud("voice")
                await heard(actor)
                await visitor.no_notice()
    finally:
        await context.close()
