"""A port that cannot be used is one sentence, before anything starts."""

from __future__ import annotations

import argparse
import socket

import pytest

from agent import serving
from agent.stack import ports
from agent.stack.ports import PortError


def test_a_port_in_use_is_named_with_its_purpose_and_variable() -> None:
    numbers = ports.free()
    with socket.create_server(("127.0.0.1", numbers["stt"])):
        with pytest.raises(PortError) as refused:
            ports.check(numbers)
        assert str(refused.value) == (
            f"Port {numbers['stt']}, for the speech recogniser, cannot be used (address already "
            "in use): stop the program that has it, or set PARLEY_PORT_STT to another port."
        )
    ports.check(numbers)


def test_a_media_port_in_use_is_seen_too() -> None:
    numbers = ports.free()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind(("127.0.0.1", numbers["livekit_udp"]))
        with pytest.raises(PortError, match="PARLEY_PORT_LIVEKIT_UDP"):
            ports.check(numbers)


def test_every_port_in_use_has_its_sentence() -> None:
    numbers = ports.free()
    with (
        socket.create_server(("127.0.0.1", numbers["web"])),
        socket.create_server(("127.0.0.1", numbers["tts"])),
        pytest.raises(PortError) as refused,
    ):
        ports.check(numbers)
    assert [line.split(", ")[1] for line in str(refused.value).split("\n")] == [
        "for the web page",
        "for the voice",
    ]


def test_one_number_for_two_things_is_refused() -> None:
    numbers = ports.free()
    with pytest.raises(PortError, match="PARLEY_PORT_TTS"):
        ports.check({**numbers, "tts": numbers["llm"]})


def test_a_variable_moves_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PORT_WEB", "18080")
    assert ports.chosen()["web"] == 18080


@pytest.mark.parametrize("text", ["0", "65536", "web", "-1", ""])
def test_what_is_not_a_port_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PORT_WEB", text)
    with pytest.raises(PortError, match="PARLEY_PORT_WEB = .*, is not a port number"):
        ports.chosen()


@pytest.mark.parametrize("text", ["", "x", "-1", "65536", "80.5", "８０"])
def test_an_argument_that_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a port number"):
        serving.port_argument(text)


def test_a_server_that_cannot_listen_ends_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = held.getsockname()[1]
        with pytest.raises(
            SystemExit, match=rf"^Port {taken}, for the page, cannot be used \(addr"
        ):
            serving.check_port("127.0.0.1", taken, "the page", "--port")
    with pytest.raises(SystemExit, match=r"^--host 'nowhere\.invalid' is not an address of this"):
        serving.check_port("nowhere.invalid", 0, "the page", "--port", "--host")
    with pytest.raises(SystemExit, match=r"^PARLEY_ADDRESS '192\.0\.2\.1' is not an address of"):
        serving.check_port("192.0.2.1", 0, "the page", "--port")
    serving.check_port("127.0.0.1", taken, "the page", "--port")
