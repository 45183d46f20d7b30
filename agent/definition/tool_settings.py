"""Tools that ``agent.yaml`` declares: requests over HTTP, and the tools of MCP servers."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, SchemaError
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from agent.engine_settings import Section

from .question import Key, placeholders

ARGUMENT = re.compile(r"\{([^{}]*)\}")
"""Where an argument goes in a URL."""
_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""Where the value of an environment variable goes."""

ToolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$", examples=["find_order"])]
Seconds = Annotated[float, Field(ge=0.1, le=60.0)]
Characters = Annotated[int, Field(ge=100, le=20_000)]


def one_for_all(value: object) -> object:
    """One question is for every language, and ``false`` is none."""
    return {} if value is False else {"any": value} if isinstance(value, str) else value


Question = Annotated[
    dict[Key, Annotated[str, Field(min_length=2, max_length=300)]], BeforeValidator(one_for_all)
]


def _known(value: str) -> str:
    for name in _SECRET.findall(value):
        if not os.environ.get(name):
            raise PydanticCustomError(
                "not_set", "the environment variable {name} is not set", {"name": name}
            )
    if any(not c.isprintable() for c in value):
        raise PydanticCustomError("not_printable", "it must be one line of text")
    return value


Secret = Annotated[str, Field(max_length=2000), AfterValidator(_known)]
"""A text in which ``${NAME}`` stands for an environment variable, which is read as it is used."""


def _free(name: str) -> str:
    if name.lower() in ("host", "content-length", "transfer-encoding"):
        raise PydanticCustomError("taken", "it is not for an agent to set")
    return name


HeaderName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$", examples=["X-Api-Key"]), AfterValidator(_free)
]


def revealed(value: str) -> str:
    """A text with the values of the environment variables that it names."""
    return _SECRET.sub(lambda found: os.environ[found[1]], value)


def _schema(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("type") != "object" or not isinstance(value.get("properties"), dict):
        raise PydanticCustomError(
            "no_object", "it must be a JSON schema with type: object, and properties"
        )
    try:
        Draft202012Validator.check_schema(value)
    except SchemaError as e:
        raise PydanticCustomError(
            "no_schema", "it is not a JSON schema: {reason}", {"reason": e.message}
        ) from e
    if "$ref" in str(value):
        raise PydanticCustomError("reference", "it must say everything itself, without $ref")
    return {"additionalProperties": False, **value}


class Reached(Section):
    """Something that is reached over the network."""

    @staticmethod
    def host(url: str) -> str:
        """The host of a URL, with its port if it names one.

        Raises:
            PydanticCustomError: It is not a URL that may be asked.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as e:
            raise PydanticCustomError(
                "no_url", "url is not a URL: {reason}", {"reason": str(e)}
            ) from e
        if parts.scheme not in ("http", "https") or not host:
            raise PydanticCustomError("no_url", "url must begin with https:// and a host")
        if parts.username or parts.fragment or ARGUMENT.search(parts.netloc):
            raise PydanticCustomError(
                "no_plain_url",
                "url must have a plain host, without a user, an argument or a part after #",
            )
        if parts.scheme == "http" and not own_network(host):
            raise PydanticCustomError(
                "not_secret", "url must begin with https://: others could read what is asked"
            )
        return f"{host}:{port}" if port else host


def own_network(host: str) -> bool:
    """Whether a host is named as one of this machine or of a private network."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost"


class HttpTool(Reached):
    """A request that the model can make."""

    description: Annotated[str, Field(min_length=1, max_length=1000)]
    """What the model is told of it."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    """Method of HTTP; with any but ``GET``, ``confirm`` has to be said."""
    url: Annotated[str, Field(max_length=2000)]
    """Where it goes. ``{name}`` in its path or query stands for an argument, or for a variable of
    the call, which the model cannot choose. Other arguments are added to the query of ``GET`` and
    ``DELETE``, and are the JSON body of the others."""
    parameters: Annotated[dict[str, Any], AfterValidator(_schema)] = {
        "type": "object",
        "properties": {},
    }
    """JSON schema of its arguments; what does not match is not sent."""
    headers: dict[HeaderName, Secret] = {}
    """Headers; ``${NAME}`` stands for an environment variable."""
    private_network: bool = False
    """Whether a host that is given by name may be one of your own network."""
    timeout: Seconds = 5.0
    """How long it may take, in seconds."""
    longest: Characters = 2000
    """Characters of the answer that the model is given."""
    confirm: Question | None = None
    """What the caller is asked first, with arguments in braces, or false."""

    @model_validator(mode="after")
    def _right(self) -> Self:
        self.host(self.url)
        if self.method != "GET" and self.confirm is None:
            raise PydanticCustomError(
                "effect",
                "{method} may change something: say in confirm what the caller is asked before, or "
                "confirm: false",
                {"method": self.method},
            )
        check_question(self.confirm or {}, list(self.parameters["properties"]))
        return self


class McpServer(Reached):
    """Another program that offers tools, over MCP."""

    url: Annotated[str, Field(max_length=2000)] | None = None
    """Where it is, over HTTP; or else its command."""
    command: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = ()
    """The program and its arguments, which is started with each call in the agent's folder.
    ``python`` is the one that runs the agent."""
    allow: Annotated[tuple[str, ...], Field(min_length=1)]
    """Which of its tools the model is given."""
    headers: dict[HeaderName, Secret] = {}
    """Headers for its URL; ``${NAME}`` stands for an environment variable."""
    env: dict[str, Secret] = {}
    """Environment of its command, which sees no other variables than PATH, HOME and the like."""
    timeout: Seconds = 10.0
    """How long each answer of it may take, in seconds."""
    longest: Characters = 2000
    """Characters of an answer that the model is given."""
    confirm: dict[str, Question] = {}
    """What the caller is asked before a tool is run, by its name."""

    @model_validator(mode="after")
    def _right(self) -> Self:
        if bool(self.url) == bool(self.command):
            raise PydanticCustomError("one_of", "give it a url or a command, and not both")
        if self.url:
            self.host(self.url)
        if (self.command and self.headers) or (self.url and self.env):
            raise PydanticCustomError(
                "other_kind", "headers are for a url, and env is for a command"
            )
        for name in self.confirm:
            if name not in self.allow:
                raise PydanticCustomError(
                    "not_allowed",
                    "confirm names {name}, which is not in allow (there are {allow})",
                    {"name": name, "allow": ", ".join(self.allow)},
                )
            check_question(self.confirm[name], None)
        return self


def check_question(question: Question, arguments: list[str] | None) -> None:
    """Hold a question to the arguments that there are.

    Args:
        question: The question.
        arguments: Their names; None where they are not known yet.

    Raises:
        PydanticCustomError: It asks about another, or its braces are not names.
    """
    for template in question.values():
        try:
            names = placeholders(template)
        except ValueError as e:
            raise PydanticCustomError("braces", "confirm: {reason}", {"reason": str(e)}) from e
        for name in names:
            if arguments is not None and name not in arguments:
                raise PydanticCustomError(
                    "no_argument",
                    "confirm asks about {name}, which is not among parameters (there are {known})",
                    {"name": name, "known": ", ".join(arguments) or "none"},
                )
