"""One livekit-server and one browser for all tests of the page; the page served by its own code."""

from __future__ import annotations

import contextlib
import wave
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType

import numpy as np
import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    async_playwright,
    expect,
)

from agent.certificate import Certificate
from agent.languages import Language
from agent.models import locate
from agent.sign_in_settings import SignInSettings
from agent.web import create_app
from agent.web.answering import Answering
from agent.web.livekit_url import LiveKit
from agent.web.look import Look
from agent.web.sign_in import sign_in_of
from harness.asgi import served
from harness.livekit_server import LiveKitServer, free_port

from .book import new_book
from .visitor import SCREENSHOTS, Visitor

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What is waited for comes, however busy the machine is: within 5 s, not always.
expect.set_options(timeout=20_000)


@contextlib.asynccontextmanager
async def serve(
    livekit: LiveKit,
    *,
    max_rooms: int,
    rooms_per_address: int | None = None,
    sign_in: SignInSettings | None = None,
    agents: Mapping[str, str] = MappingProxyType({}),
    looks: Mapping[str, Look] = MappingProxyType({}),
    spoken: Mapping[Language, Language] | None = None,
    answering: Answering | None = None,
    host: str = "127.0.0.1",
    certificate: Certificate | None = None,
) -> AsyncIterator[str]:
    """Serve the page; gives its address."""
    async with new_book() as book:
        app = create_app(
            livekit,
            client_library=locate("web"),
            max_rooms=max_rooms,
            rooms_per_address=rooms_per_address or max_rooms,
            sign_in=sign_in_of(sign_in, livekit.api_secret, book),
            agents=agents,
            looks=looks,
            spoken=spoken,
            answering=answering,
        )
        port = free_port()
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            ssl_certfile=certificate.file if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )
        async with served(config):
            yield f"{'https' if certificate else 'http'}://{host}:{port}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveKitServer]:
    server = LiveKitServer(tmp_path_factory.mktemp("livekit") / "livekit.yaml")
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def site(server: LiveKitServer) -> AsyncIterator[str]:
    # One per test: each has the whole rate of its own.
    async with serve(server.livekit, max_rooms=100) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Chromium, whose microphone is a recording of something that rises and falls."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    sound = tmp_path_factory.mktemp("sound") / "microphone.wav"
    seconds = np.arange(48_000 * 4) / 48_000
    voice = np.sin(2 * np.pi * 180 * seconds) * np.abs(np.sin(2 * np.pi * 1.5 * seconds))
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes((voice * 16_000).astype("<i2").tobytes())
    fake = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={sound}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *fake])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def deaf_browser() -> AsyncIterator[Browser]:
    """Chromium on a machine without a microphone."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


Visit = Callable[..., AbstractAsyncContextManager[Visitor]]


@contextlib.asynccontextmanager
async def visiting(
    browser: Browser, *, locale: str = "en-GB", microphone: bool = True
) -> AsyncIterator[Visitor]:
    """Open a fresh window; afterwards nothing must have been blocked by the page's own policy."""
    context: BrowserContext = await browser.new_context(
        locale=locale, permissions=["microphone"] if microphone else [], color_scheme="light"
    )
    page = await context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield Visitor(page)
    finally:
        await context.close()
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser) -> AsyncIterator[Visitor]:
    async with visiting(browser) as visitor:
        yield visitor
