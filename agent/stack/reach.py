"""From where a stack can be reached, told to the person who started it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from agent.certificate import MADE, NONE, VARIABLE, Certificate
from agent.origin import MEDIA_ADDRESS, is_loopback

from .ports import LOOPBACK


class ReachError(Exception):
    """No browser can reach what was asked for; the text says what to set."""


def media_address(address: str, environment: Mapping[str, str] = os.environ) -> str:
    """The address that browsers send media to.

    Args:
        address: Where the page listens.
        environment: Where :data:`MEDIA_ADDRESS` is.

    Raises:
        ReachError: It is not one address, in figures.
    """
    media = environment.get(MEDIA_ADDRESS) or address
    try:
        _, single = ip_address(address), not ip_address(media).is_unspecified
    except ValueError:
        single = False
    if not single:
        raise ReachError(
            f"A browser cannot send media to {media}: set PARLEY_ADDRESS to an address of this "
            f"machine (`hostname -I` lists them), or {MEDIA_ADDRESS} to the one at which others "
            "reach it."
        )
    return media


def certificate_wish(address: str, environment: Mapping[str, str] = os.environ) -> str:
    """What ``PARLEY_CERTIFICATE`` is to be: beyond this machine one is made unless it is set.

    Args:
        address: Where the page listens.
        environment: Where the variable is.
    """
    return environment.get(VARIABLE) or (NONE if is_loopback(address) else MADE)


def sentences(
    numbers: Mapping[str, int],
    address: str,
    certificate: Certificate | None,
    environment: Mapping[str, str] = os.environ,
    *,
    livekit: bool = True,
) -> Iterator[str]:
    """What one has to know beside the address of the page.

    Args:
        numbers: Port numbers by name.
        address: Where the page listens.
        certificate: With what it is served.
        environment: Where a login by ssh is seen.
        livekit: Whether LiveKit is started here; media of another one do not come by this machine.
    """
    if certificate and certificate_wish(address, environment) == MADE:
        yield (
            "The certificate was made here, so a browser warns once. Its SHA-256 is\n  "
            f"{certificate.fingerprint}"
        )
    if "SSH_CONNECTION" not in environment or not is_loopback(address):
        return
    if livekit and "livekit_tcp" not in numbers:
        yield (
            "You are here by ssh: to talk from where you sit, start this with "
            "PARLEY_PORT_LIVEKIT_TCP=7881."
        )
        return
    needed = ("web", "livekit_tcp") if livekit else ("web",)
    forwards = " ".join(f"-L {numbers[name]}:{LOOPBACK}:{numbers[name]}" for name in needed)
    yield (
        "You are here by ssh: to talk from where you sit, run there\n  "
        f"ssh {forwards} {getpass.getuser()}@{socket.gethostname()}"
    )
