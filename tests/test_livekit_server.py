"""A LiveKit server that cannot be used is told in a sentence, before LiveKit's own client tries."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from agent.livekit_server import (
    Credentials,
    LiveKitError,
    UnreachableError,
    ask,
    check_url,
    from_command_line,
)
from harness.livekit_server import KEY, SECRET, LiveKitServer, free_port

ROOT = Path(__file__).resolve().parents[1]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.mark.parametrize(
    "url",
    [
        *("livekit", "127.0.0.1:7880", "ws://", "ftp://a", "ws://a:b", "ws://a:99999", "ws://a:0"),
        *("ws://[::1", "//a:7880", " ", "ws:/a"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(LiveKitError, match=r"^LIVEKIT_URL=.* write it like ws://127.0.0.1:7880"):
        check_url("LIVEKIT_URL", url)


@pytest.mark.parametrize(
    "url", ["ws://a", "wss://a.example:443/", "http://[::1]:7880", "https://a"]
)
def test_addresses_are_taken(url: str) -> None:
    check_url("LIVEKIT_URL", url)


def test_what_is_missing_is_named_and_a_password_is_not_shown() -> None:
    with pytest.raises(LiveKitError, match=r"^LIVEKIT_URL and LIVEKIT_API_KEY must be set: why\.$"):
        Credentials.given("why", {"LIVEKIT_API_SECRET": SECRET, "LIVEKIT_URL": ""})
    with pytest.raises(LiveKitError) as raised:
        check_url("LIVEKIT_URL", "ftp://me:s3cr3t@host?token=s3cr3t")
    assert "s3cr3t" not in str(raised.value)
    assert SECRET not in repr(Credentials("ws://a", KEY, SECRET))


def test_the_command_line_comes_before_the_environment() -> None:
    environment = {"LIVEKIT_URL": "ws://a", "LIVEKIT_API_KEY": "a", "OTHER": "x"}
    given = from_command_line(["start", "--url=ws://b", "--api-secret", "s"], environment)
    assert given == {**environment, "LIVEKIT_URL": "ws://b", "LIVEKIT_API_SECRET": "s"}
    assert from_command_line(["start", "--url"], environment) == environment


@pytest.fixture
async def answering() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    """Something that answers as it is told; its address."""
    runners: list[web.AppRunner] = []

    async def start(answer: Answer) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runners.append(web.AppRunner(app, shutdown_timeout=0.1))
        await runners[-1].setup()
        site = web.TCPSite(runners[-1], "127.0.0.1", port := free_port())
        await site.start()
        return f"ws://127.0.0.1:{port}"

    try:
        yield start
    finally:
        for runner in runners:
            await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (404, "nothing here", UnreachableError, "is not a LiveKit server (HTTP 404)"),
        (200, "<html>", UnreachableError, "is not a LiveKit server (HTTP 200)"),
        (502, "", UnreachableError, "is not a LiveKit server (HTTP 502)"),
        (401, "invalid API key: k", LiveKitError, "does not know the key in LIVEKIT_API_KEY"),
        (401, "invalid token: t0k3n, go-jose: error", LiveKitError, "LIVEKIT_API_SECRET for the"),
        (401, "invalid token: t0k3n, not valid yet (nbf)", LiveKitError, "set both clocks"),
    ],
)
async def test_answers_of_a_server_are_sentences(
    answering: Callable[[Answer], Awaitable[str]],
    status: int,
    body: str,
    kind: type[LiveKitError],
    said: str,
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    url = await answering(answer)
    with pytest.raises(LiveKitError) as raised:
        await ask(Credentials(url, KEY, SECRET))
    assert type(raised.value) is kind
    assert said in str(raised.value)
    assert url in str(raised.value)
    assert "t0k3n" not in str(raised.value)


@pytest.mark.parametrize("status", [200, 403])
async def test_a_key_that_is_taken_is_right(
    answering: Callable[[Answer], Awaitable[str]], status: int
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({}, status=status)

    await ask(Credentials(f"{await answering(answer)}/base/", KEY, SECRET))
    assert asked == ["/base/twirp/livekit.RoomService/ListRooms"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ws://127.0.0.1:{closed}", "connection refused"),
        ("wss://127.0.0.1:{plain}", "it does not speak TLS: ws:// in place of wss://?"),
        ("ws://nowhere.invalid:7880", "there is no machine of that name"),
    ],
)
async def test_what_cannot_be_reached_says_why(
    answering: Callable[[Answer], Awaitable[str]], url: str, reason: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    plain = (await answering(answer)).rpartition(":")[2]
    with socket.socket() as held:  # bound, and listening to nobody
        held.bind(("127.0.0.1", 0))
        closed = held.getsockname()[1]
        with pytest.raises(UnreachableError) as raised:
            await ask(Credentials(url.format(closed=closed, plain=plain), KEY, SECRET))
    assert f"({reason}): start it, or set LIVEKIT_URL" in str(raised.value)


async def test_one_that_says_nothing_is_not_waited_for(
    answering: Callable[[Answer], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("agent.livekit_server._DEADLINE", 0.2)
    with pytest.raises(UnreachableError, match="no answer within"):
        await ask(Credentials(await answering(answer), KEY, SECRET))


@pytest.mark.room
async def test_a_real_server_refuses_what_is_not_its_own(tmp_path: Path) -> None:
    server = LiveKitServer(tmp_path / "livekit.yaml")
    await server.start()
    try:
        url = server.livekit.url
        await ask(Credentials(url, KEY, SECRET))
        with pytest.raises(LiveKitError, match="does not know the key in LIVEKIT_API_KEY"):
            await ask(Credentials(url, "another", SECRET))
        with pytest.raises(LiveKitError, match="does not take LIVEKIT_API_SECRET for the key"):
            await ask(Credentials(url, KEY, "x" * 40))
        with pytest.raises(UnreachableError, match=r"is not a LiveKit server \(HTTP 404\)"):
            await ask(Credentials(f"{url}/elsewhere", KEY, SECRET))
        refused = await asyncio.to_thread(
            started, "start", LIVEKIT_URL=url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET="x" * 40
        )
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr
        assert "does not take LIVEKIT_API_SECRET for the key" in refused.stderr
    finally:
        await server.kill()


def started(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The agent's program, which is to end by itself."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PARLEY_", "LIVEKIT_"))}
    # The voice of this profile speaks all languages: nothing else is told.
    environment = {**kept, "PARLEY_PROFILE": "gpu", "PARLEY_PORT_AGENT": "0"}
    return subprocess.run(
        [sys.executable, "agent.py", *arguments],
        cwd=ROOT,
        env={**environment, "PARLEY_PORT_METRICS": "0", **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


WHOLE = {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "LIVEKIT_URL and LIVEKIT_API_KEY and LIVEKIT_API_SECRET must be set: the agent takes"),
        ({**WHOLE, "LIVEKIT_URL": "a:7880"}, "is not the address of a livekit-server"),
        ({**WHOLE, "PARLEY_ADDRESS": "nowhere.invalid"}, "is not an address of this machine"),
        ({**WHOLE, "PARLEY_PORT_AGENT": "{taken}"}, "Port {taken}, for the agent's health page"),
        ({**WHOLE, "PARLEY_PORT_METRICS": "70000"}, "is not a port number"),
        ({**WHOLE, "PARLEY_AGENT": "nobody"}, "There is no agent 'nobody'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_agent_ends_with_one_sentence(variables: dict[str, str], said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = str(held.getsockname()[1])
        ended = started("start", **{k: v.format(taken=taken) for k, v in variables.items()})
    assert ended.returncode == 1
    assert said.format(taken=taken) in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stdout == ""


@pytest.mark.slow
def test_a_state_folder_that_cannot_be_used_ends_the_agent() -> None:
    ended = started("start", **WHOLE, PARLEY_STATE="/proc/none")
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("Calls in progress cannot be kept: ")
    assert last.endswith("Set PARLEY_STATE to a folder that can be used.")


@pytest.mark.slow
def test_a_server_that_is_not_there_yet_is_told_and_waited_for() -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PARLEY_", "LIVEKIT_"))}
    environment = {**kept, "PARLEY_PORT_AGENT": "0", "PARLEY_PORT_METRICS": "0", **WHOLE}
    command = [sys.executable, "agent.py", "start"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as agent:
        assert agent.stdout
        try:
            line = next(line for line in agent.stdout if "No LiveKit server" in line)
            assert line.startswith("No LiveKit server can be reached at ws://127.0.0.1:9 (connec")
            assert line.endswith("It is tried again for some minutes.\n")
            assert any("starting worker" in line for line in agent.stdout)
        finally:
            agent.kill()
