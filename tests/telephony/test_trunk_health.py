"""Whether a provider answers, by a stand-in for one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from livekit.agents.telemetry.http_server import HttpServer
from livekit.agents.utils.aio import cancel_and_wait

from agent.certificate import MADE, VARIABLE, certificate_of
from agent.telephony import __main__ as command
from agent.telephony import trunk_health
from agent.telephony.config import OutboundTrunk
from agent.telephony.trunk_health import Health, ask, look

from .signalling import Message

Reply = Callable[[int], bytes | None]
"""What is answered to the nth request, from 1 on."""


class Provider(asyncio.DatagramProtocol):
    """Takes requests over UDP or TCP."""

    def __init__(self, reply: Reply) -> None:
        self.asked: list[Message] = []
        self._reply = reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        if (answer := self.take(data)) is not None:
            self._transport.sendto(answer, address)

    def take(self, data: bytes) -> bytes | None:
        self.asked.append(Message.read(data))
        return self._reply(len(self.asked))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            answer = self.take(await reader.readuntil(b"\r\n\r\n"))
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        writer.close()


def status(line: str) -> bytes:
    return f"SIP/2.0 {line}\r\nContent-Length: 0\r\n\r\n".encode()


@asynccontextmanager
async def provider(
    transport: str, reply: Reply, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Provider, OutboundTrunk]]:
    made = Provider(reply)
    if transport in ("auto", "udp"):
        loop = asyncio.get_running_loop()
        listening, _ = await loop.create_datagram_endpoint(lambda: made, ("127.0.0.1", 0))
        port = listening.get_extra_info("sockname")[1]
    else:
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
    fields = {"address": f"127.0.0.1:{port}", "transport": transport, "numbers": ["+441632960961"]}
    try:
        yield made, OutboundTrunk.model_validate(fields)
    finally:
        if transport in ("auto", "udp"):
            listening.close()
        else:
            server.close()
            await server.wait_closed()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_health, "_PATIENCE", 1.0)


@pytest.mark.parametrize("transport", ["auto", "udp", "tcp"])
@pytest.mark.parametrize(
    ("line", "up"),
    [
        ("200 OK", True),
        ("401 Unauthorized", True),
        ("404 Not Found", True),
        ("405 Method Not Allowed", True),
        ("603 Decline", True),
        ("501 Not Implemented", True),
        ("505 Version Not Supported", True),
        ("500 Server Internal Error", False),
        ("502 Bad Gateway", False),
        ("503 Service Unavailable", False),
        ("504 Server Time-out", False),
    ],
)
async def test_any_answer_shows_that_it_is_there_but_one_that_it_cannot_serve(
    transport: str, line: str, up: bool
) -> None:
    async with provider(transport, lambda _: status(line)) as (asked, trunk):
        health = await ask("out", trunk)
    assert (health.up, health.said) == (up, line)
    assert health.seconds is not None
    request = asked.asked[0]  # a slow machine is asked again
    assert {each.headers["call-id"] for each in asked.asked} == {request.headers["call-id"]}
    assert request.first == f"OPTIONS sip:{trunk.address} SIP/2.0"
    assert request.headers["cseq"] == "1 OPTIONS"
    kind = "TCP" if transport == "tcp" else "UDP"
    assert request.headers["via"].startswith(f"SIP/2.0/{kind} 127.0.0.1:")


async def test_a_packet_that_is_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_health, "_AGAIN", (0.05, 0.1, 0.2))
    lost = 2
    async with provider("udp", lambda n: status("200 OK") if n > lost else None) as (asked, trunk):
        health = await ask("out", trunk)
    assert health.up
    assert len(asked.asked) > lost
    assert len({request.headers["call-id"] for request in asked.asked}) == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_that_it_tries_is_no_answer_yet(transport: str) -> None:
    both = status("100 Trying") + status("200 OK") if transport == "tcp" else None
    one = status("100 Trying")
    async with provider(transport, lambda n: both or (one if n == 1 else status("200 OK"))) as (
        _,
        trunk,
    ):
        assert (await ask("out", trunk)).said == "200 OK"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_one_that_says_nothing_is_down(transport: str, soon: None) -> None:
    async with provider(transport, lambda _: None) as (_, trunk):
        health = await ask("out", trunk)
    assert (health.up, health.seconds) == (False, None)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_where_nothing_listens_it_is_down(transport: str) -> None:
    async with provider(transport, lambda _: None) as (_, trunk):
        pass
    assert not (await ask("out", trunk)).up


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SIP/2.0 OK\r\n\r\n", b"\xff\xfe\r\n\r\n"]
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_what_speaks_no_sip_is_down(transport: str, answer: bytes) -> None:
    async with provider(transport, lambda _: answer) as (_, trunk):
        health = await ask("out", trunk)
    assert (health.up, health.said) == (False, "what answers speaks no SIP")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:99999", "127.0.0.1:0", "sip..example.com", f"{'a' * 70}.example.com", "."],
)
async def test_an_address_that_cannot_be_is_down_and_leaves_the_others_alone(
    transport: str, address: str
) -> None:
    # The file's reader refuses most of them; what asks is not to depend on that.
    trunk = OutboundTrunk.model_construct(address=address, transport=transport)
    async with provider("udp", lambda _: status("200 OK")) as (_, good):
        wrong, right = await look({"wrong": trunk, "right": good})
    assert (wrong.up, wrong.seconds, right.up) == (False, None, True)
    assert wrong.said


async def test_what_nobody_thought_of_ends_the_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> Health:
        raise ZeroDivisionError

    monkeypatch.setattr(trunk_health, "ask", broken)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(20):
            await command._serve({"out": OutboundTrunk.model_construct()}, 0, every=60.0)


@asynccontextmanager
async def over_tls(
    folder: Path, address: str
) -> AsyncIterator[tuple[Provider, OutboundTrunk, Path]]:
    """A provider with a certificate for an address, and that certificate."""
    made = certificate_of(address, {VARIABLE: MADE}, folder)
    assert made
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.file, made.key)
    async with provider("tls", lambda _: status("200 OK"), context) as (asked, trunk):
        yield asked, trunk, made.file


async def test_over_tls_a_certificate_that_nobody_knows_is_told(tmp_path: Path) -> None:
    async with over_tls(tmp_path, "127.0.0.1") as (asked, trunk, _):
        health = await ask("out", trunk)
    assert not health.up
    assert "certificate" in health.said
    assert asked.asked == []


@pytest.mark.parametrize(
    ("address", "other_name", "told"),
    [
        ("127.0.0.1", False, "out: answers, 200 OK"),
        ("192.0.2.1", True, "out: answers, but its certificate is for another name, 200 OK"),
    ],
)
async def test_over_tls_a_certificate_for_another_name_is_told_apart(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    other_name: bool,
    told: str,
) -> None:
    async with over_tls(tmp_path, address) as (asked, trunk, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # so its authority is known
        health = await ask("out", trunk)
    assert (health.up, health.other_name) == (True, other_name)
    assert str(health).startswith(told)
    assert len(asked.asked) == 1


async def test_prometheus_is_told_of_each_trunk_again_and_again(soon: None) -> None:
    says: str | None = "200 OK"
    async with AsyncExitStack() as stack:
        reply = lambda _: status(says) if says else None  # noqa: E731
        _, good = await stack.enter_async_context(provider("udp", reply))
        _, bad = await stack.enter_async_context(provider("udp", lambda _: None))
        client = await stack.enter_async_context(httpx.AsyncClient())
        server = await stack.enter_async_context(contextlib.aclosing(HttpServer("127.0.0.1", 0)))
        await server.start()
        trunks = {"good": good, "bad": bad}
        asking = asyncio.create_task(trunk_health.keep_asking(trunks, every=0.1))
        stack.push_async_callback(cancel_and_wait, asking)

        async def page_once(*lines: str) -> str:
            async with asyncio.timeout(20):
                while True:
                    page = (await client.get(f"http://127.0.0.1:{server.port}/metrics")).text
                    if all(line in page for line in lines):
                        return page
                    await asyncio.sleep(0.05)

        seconds = 'parley_trunk_answer_seconds{trunk="good"}'
        await page_once(
            'parley_trunk_up{trunk="good"} 1.0', 'parley_trunk_up{trunk="bad"} 0.0', seconds
        )
        says = "503 Full"
        await page_once('parley_trunk_up{trunk="good"} 0.0', seconds)
        says = None
        async with asyncio.timeout(20):
            while seconds in await page_once('parley_trunk_up{trunk="good"} 0.0'):
                await asyncio.sleep(0.05)


async def test_a_person_reads_a_line_for_each() -> None:
    async with provider("udp", lambda _: status("200 OK")) as (_, trunk):
        (health,) = await look({"out": trunk})
    assert str(health).startswith("out: answers, 200 OK after ")
    assert str(Health("out", False, "nothing within 5 s")) == "out: DOWN, nothing within 5 s"


def test_the_command_ends_with_1_if_one_is_down(tmp_path: Path) -> None:
    file = tmp_path / "trunks.yaml"
    file.write_text(
        "outbound: {out: {address: '127.0.0.1:9', transport: tcp, numbers: ['+441632960961']}}"
    )
    asking = [sys.executable, "-m", "agent.telephony", "health", str(file)]
    done = subprocess.run(asking, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout.startswith("out: DOWN, ")


@pytest.mark.parametrize("every", ["0", "nan", "soon", "90000", ""])
def test_an_interval_that_is_none_is_a_sentence(
    every: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["agent.telephony", "health", "--every", every])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"{every!r} is not a number of seconds from 1 to 86400" in told


def test_without_outbound_trunks_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "trunks.yaml"
    file.touch()
    monkeypatch.setattr(sys, "argv", ["agent.telephony", "health", str(file)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == "There are no outbound trunks.\n"
    # A monitor that failed would be started again and again.
    monkeypatch.setattr(sys, "argv", ["agent.telephony", "health", str(file), "--every", "30"])
    command.main()
    assert capsys.readouterr().out.startswith(f"There are no outbound trunks in {file}: ")
