"""The trunks and what is done with their calls, as one YAML file says it.

Passwords and PINs are never in the file: it names the environment variables that hold them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from agent import yaml_file
from agent.settings import CONFIGS, Language
from agent.wrong import in_file, places, sentences

DEFAULT = CONFIGS / "trunks.yaml"


class TelephonyError(Exception):
    """Something about the trunks is wrong; the text says what, where, and how to put it right."""


def _set(name: str) -> str:
    if not os.environ.get(name):
        raise PydanticCustomError(
            "not_set", "the environment variable {name} is not set", {"name": name}
        )
    return name


def _pin(name: str) -> str:
    # LiveKit's service takes at most 16 digits, and a caller can try as often as they can call.
    if not (os.environ[name].isdecimal() and 4 <= len(os.environ[name]) <= 16):
        raise PydanticCustomError("no_pin", "{name} must hold 4 to 16 digits", {"name": name})
    return name


def _address(written: str) -> str:
    host, _, port = written.partition(":")
    if port and not 1 <= int(port) <= 65_535:
        raise PydanticCustomError("no_port", "the port must be from 1 to 65535")
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(1 <= len(label) <= 63 for label in labels):
        raise PydanticCustomError(
            "no_host", "the host must have 1 to 63 characters between its dots, and 253 at most"
        )
    return written


Number = Annotated[str, Field(pattern=r"^\+?[0-9]{1,15}$", examples=["+4930123456"])]
"""A number as the provider sends it: +441632960961 (E.164), or an extension such as 100."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=["my-trunk"])]
Secret = Annotated[str, AfterValidator(_set)]
"""Name of the environment variable that holds it."""
Encryption = Literal["disable", "allow", "require"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Trunk(_Section):
    numbers: list[Number] = []
    username: str | None = None
    """User name of the digest authentication."""
    password_env: Secret | None = None
    """Environment variable with its password."""
    encryption: Encryption = "disable"
    """SRTP. LiveKit's service reads the keys from the SDP: use TLS for signalling with it."""

    @property
    def password(self) -> str:
        """The password in clear, empty if there is none."""
        return os.environ[self.password_env] if self.password_env else ""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.username is None) != (self.password_env is None):
            raise PydanticCustomError(
                "half", "username and password_env belong together: give both or neither"
            )
        return self


class Rooms(_Section):
    """Where the calls of a trunk go."""

    per: Literal["call", "number"] = "call"
    """A room for each call, or one for all calls to the same number."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$", examples=["call"])] = "call"
    """Rooms are called PREFIX_NUMBER, after the called number; never after the caller's, because
    names of rooms are logged."""
    pin_env: Annotated[Secret, AfterValidator(_pin)] | None = None
    """Environment variable with the digits that a caller has to key in, and # after them."""

    @property
    def pin(self) -> str:
        """The PIN in clear, empty if there is none."""
        return os.environ[self.pin_env] if self.pin_env else ""


class InboundTrunk(_Trunk):
    """Who may call in, to which numbers (any when none are given)."""

    allowed_addresses: list[IPvAnyNetwork] = []
    """Networks of the provider's signalling, as 203.0.113.7 or 203.0.113.0/24; no host names."""
    max_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    """Longest call, from its first ring on."""
    ring: Annotated[int, Field(ge=5, le=180)] = 60
    """Seconds after which LiveKit refuses a call that nobody takes (486): longer than the agent
    servers leave a caller to ring (``phone.full_house.ring``), so that it is for calls that no
    agent server sees."""
    language: Language | None = None
    """Language of the callers; the profile's when not given."""
    asserted: bool = False
    """Believe the number in P-Asserted-Identity, which the provider sets and no caller can; with
    ``Privacy: id`` the caller has none."""
    rooms: Rooms = Rooms()

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        anywhere = not all(network.prefixlen for network in self.allowed_addresses)
        if not self.username and (anywhere or not self.allowed_addresses):
            raise PydanticCustomError(
                "open",
                "whoever finds the port could call: give allowed_addresses (not all of them), or "
                "username and password_env",
            )
        return self


class OutboundTrunk(_Trunk):
    """Through whom the agent calls out."""

    address: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$", examples=["sip.example.com:5060"]),
        AfterValidator(_address),
    ]
    """Host or HOST:PORT of the provider, without sip: before it."""
    transport: Literal["auto", "udp", "tcp", "tls"] = "auto"
    numbers: Annotated[list[Number], Field(min_length=1)]
    """Numbers to call from; the first is used unless a call names another."""


class Trunks(_Section):
    """The whole file."""

    inbound: dict[Name, InboundTrunk] = {}
    outbound: dict[Name, OutboundTrunk] = {}


def load(path: Path = DEFAULT) -> Trunks:
    """Read the file.

    Args:
        path: Path of the YAML file.

    Raises:
        TelephonyError: It is missing or wrong.
    """
    try:
        content = yaml_file.read(path)
    except yaml_file.YamlError as e:
        raise TelephonyError(str(e)) from e
    if not isinstance(content, Mapping | None):
        raise TelephonyError(f"{path} must hold inbound and outbound, each with trunks by name.")
    try:
        return Trunks.model_validate(content or {})
    except ValidationError as e:
        where = in_file(path, *places(e, Trunks))
        wrong = sentences(e, Trunks, lambda loc: f"write {loc[-1]}: …")
        raise TelephonyError(f"Wrong setting in {where}: {wrong}.") from e
