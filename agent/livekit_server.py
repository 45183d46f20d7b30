"""The LiveKit server that the environment names: whether it is there, and takes our key.

LiveKit's own client says none of it at once: without an address it ends with a traceback and the
exit status 0, and a wrong key it tries 17 times in over two minutes.
"""

from __future__ import annotations

import argparse
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from livekit import api

_DEADLINE = 3.0
"""Seconds that it may take to answer."""

_SCHEMES = {"ws": "http", "http": "http", "wss": "https", "https": "https"}

_URL, _KEY, _SECRET = "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"


class LiveKitError(Exception):
    """The LiveKit server cannot be used as it is named; the text says what to set."""


class UnreachableError(LiveKitError):
    """It does not answer now, and may later."""


@dataclass(frozen=True)
class Credentials:
    """Where it is, and a key of it."""

    url: str
    key: str
    secret: str = field(repr=False)

    @classmethod
    def given(cls, why: str, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the ``LIVEKIT_*`` variables.

        Args:
            why: What they are needed for, as a clause.
            environment: The variables.

        Raises:
            LiveKitError: One is missing, or the address is none.
        """
        names = (_URL, _KEY, _SECRET)
        if missing := [name for name in names if not environment.get(name)]:
            raise LiveKitError(f"{' and '.join(missing)} must be set: {why}.")
        check_url(_URL, environment[_URL])
        return cls(*(environment[name] for name in names))


def check_url(name: str, url: str) -> None:
    """Refuse what is no address of a LiveKit server.

    Args:
        name: The variable that holds it.
        url: What it holds.

    Raises:
        LiveKitError: It is none.
    """
    try:
        parts = urlsplit(url)
        right = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, or half an address of IPv6
        right = False
    if not right:
        raise LiveKitError(
            f"{name}={_shown(url)!r} is not the address of a livekit-server: write it like "
            "ws://127.0.0.1:7880 or wss://livekit.example.org."
        )


def from_command_line(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment with what LiveKit's command line has in its place.

    Args:
        arguments: Those after the command.
        environment: The variables.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option, name in (("--url", _URL), ("--api-key", _KEY), ("--api-secret", _SECRET)):
        parser.add_argument(option, dest=name)
    try:
        given, _ = parser.parse_known_args(arguments)
    except argparse.ArgumentError:  # LiveKit's own command line says what is wrong with it
        return dict(environment)
    return {**environment, **{name: value for name, value in vars(given).items() if value}}


async def ask(server: Credentials) -> None:
    """See that it is there, and takes the key.

    Args:
        server: Where it is.

    Raises:
        UnreachableError: Nothing answers there, or what does is no LiveKit server.
        LiveKitError: It does not take the key.
    """
    parts = urlsplit(server.url)
    path = f"{parts.path.rstrip('/')}/twirp/livekit.RoomService/ListRooms"
    address = urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "", ""))
    token = api.AccessToken(server.key, server.secret).with_grants(api.VideoGrants(room_list=True))
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("HTTP_PROXY")  # as LiveKit's client
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_DEADLINE)) as session,
            session.post(
                address,
                json={"names": ["-"]},  # of none: how many there are may be very many
                headers={"Authorization": f"Bearer {token.to_jwt()}"},
                proxy=proxy or None,
            ) as answer,
        ):
            status, body = answer.status, (await answer.content.read(2000)).decode(errors="replace")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as e:
        raise UnreachableError(
            f"No LiveKit server can be reached at {_shown(server.url)} ({_reason(e)}): start it, "
            f"or set {_URL} to where it is."
        ) from e
    # 403: the key is right, though it may not list rooms.
    if status not in (200, 401, 403) or (status == 200 and not body.startswith("{")):
        raise UnreachableError(
            f"What answers at {_shown(server.url)} is not a LiveKit server (HTTP {status}): set "
            f"{_URL} to its address."
        )
    if status == 401:
        raise LiveKitError(_refusal(_shown(server.url), body))


def _refusal(at: str, body: str) -> str:
    """Why a key is not taken; what the server says repeats the ticket that was signed by it."""
    pair = f"set {_KEY} and {_SECRET} to a pair that stands under keys in its configuration."
    if "invalid API key" in body:
        return f"The LiveKit server at {at} does not know the key in {_KEY}: {pair}"
    if "nbf" in body or "exp)" in body or "expired" in body:
        return (
            f"The LiveKit server at {at} has another time than this machine, by which a ticket "
            "that is signed now is not valid: set both clocks."
        )
    return f"The LiveKit server at {at} does not take {_SECRET} for the key in {_KEY}: {pair}"


def _reason(error: Exception) -> str:
    """Why nothing was reached, without the objects of the library."""
    if isinstance(error, TimeoutError):
        return f"no answer within {_DEADLINE:.0f} s"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no machine of that name"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not one that this machine trusts"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return "it does not speak TLS: ws:// in place of wss://?"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it hung up: wss:// in place of ws://?"
    if isinstance(error, OSError) and error.strerror:
        reason = os.strerror(error.errno) if error.errno else error.strerror
        return reason[0].lower() + reason[1:]
    return type(error).__name__


def _shown(url: str) -> str:
    """An address without a name and a password, and without what follows its path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
