"""A request over HTTP as a tool: what is asked is checked here, and nobody else is reached."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from jsonschema import Draft202012Validator
from livekit.agents import RunContext, ToolError, function_tool
from livekit.agents.llm import RawFunctionTool
from yarl import URL

from agent.conduct import Conduct
from agent.foreign_json import read_json

from .guarded import agreed, in_time
from .tool_settings import ARGUMENT, HttpTool, own_network, revealed

_MOST_BYTES = 1 << 20
"""Bytes of an answer that are read: what a model can use is far less."""
_MOST_ARGUMENTS = 8192
"""Characters of the arguments, as JSON: a model that repeats itself sends no more."""
_MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)


def http_tool(
    name: str, settings: HttpTool, variables: Mapping[str, str]
) -> RawFunctionTool[..., Any]:
    """A tool that makes a request.

    Args:
        name: Its name.
        settings: What the agent's folder says of it.
        variables: What the call says of itself.
    """
    validator = Draft202012Validator(settings.parameters)

    async def call(raw_arguments: dict[str, object], run_context: RunContext[Conduct]) -> str:
        _check(name, validator, raw_arguments)
        url, body = _request(name, settings, raw_arguments, variables)
        if settings.confirm:
            await agreed(run_context, settings.confirm, raw_arguments)
        return await in_time(name, settings.timeout, lambda: _ask(name, settings, url, body))

    schema = {
        "name": name,
        "description": settings.description,
        "parameters": settings.parameters,
    }
    return function_tool(call, raw_schema=schema)


def _check(name: str, validator: Draft202012Validator, arguments: Mapping[str, object]) -> None:
    if len(json.dumps(arguments, default=str)) > _MOST_ARGUMENTS:
        raise ToolError(f"{name}: the arguments are too long.")
    error = next(iter(validator.iter_errors(arguments)), None)
    if error:
        where = ".".join(map(str, error.absolute_path))
        raise ToolError(f"{name}: {f'{where}: ' if where else ''}{error.message[:300]}.")


def _request(
    name: str, settings: HttpTool, arguments: Mapping[str, Any], variables: Mapping[str, str]
) -> tuple[URL, dict[str, Any] | None]:
    """The URL, and the body if there is one."""
    left = dict(arguments)

    def filled(found: Any) -> str:
        argument = found[1]
        if argument in variables:
            return quote(variables[argument], safe="")
        if argument not in arguments:
            raise ToolError(f"{name}: {argument} is needed.")
        left.pop(argument, None)
        return quote(_text(arguments[argument]), safe="")

    address = ARGUMENT.sub(filled, settings.url)
    path = address.partition("?")[0].split("/")[3:]
    template = settings.url.partition("?")[0].split("/")[3:]
    for segment, before in zip(path, template, strict=True):
        # As a path, "." and ".." and nothing lead elsewhere.
        if segment != before and unquote(segment) in ("", ".", ".."):
            raise ToolError(f"{name}: {unquote(segment)!r} cannot be a part of an address.")
    if settings.method not in ("GET", "DELETE"):
        return URL(address, encoded=True), left
    if left:
        pairs = [
            (key, _text(each))
            for key, value in left.items()
            if value is not None
            for each in (value if isinstance(value, list) else [value])
        ]
        address += ("&" if "?" in address else "?") + urlencode(pairs, quote_via=quote)
    return URL(address, encoded=True), None


def _text(value: object) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def _ask(name: str, settings: HttpTool, url: URL, body: dict[str, Any] | None) -> str:
    private = settings.private_network or own_network(url.host or "")
    connector = aiohttp.TCPConnector(resolver=None if private else PublicOnly())
    headers = {key: revealed(value) for key, value in settings.headers.items()}
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),  # the tool's own deadline is above it
            ) as session,
            _answered(session, name, settings.method, url, body) as response,
        ):
            return await _read(name, settings, response)
    except aiohttp.ClientError as e:
        if isinstance(e.__cause__, PrivateAddressError):
            raise ToolError(f"{name} leads into a private network, where it may not go.") from e
        raise ToolError(f"{name} cannot be reached now.") from e


@contextlib.asynccontextmanager
async def _answered(
    session: aiohttp.ClientSession, name: str, method: str, url: URL, body: dict[str, Any] | None
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer, of the same server even where it redirects."""
    for _ in range(_MOST_REDIRECTS + 1):
        async with session.request(method, url, json=body, allow_redirects=False) as response:
            if response.status not in _REDIRECTS:
                yield response
                return
            target = _next(url, response.headers.get("Location", ""))
            if method != "GET" or target is None:
                # The headers may hold a secret, and elsewhere may be anybody.
                raise ToolError(f"{name} was sent elsewhere by its server, where it may not go.")
            url = target
    raise ToolError(f"{name} was sent from one address to another by its server.")


def _next(url: URL, location: str) -> URL | None:
    """Where a redirect leads, if that is the same server."""
    try:
        target = url.join(URL(location))
        return target if target.origin() == url.origin() else None
    except ValueError:
        return None


async def _read(name: str, settings: HttpTool, response: aiohttp.ClientResponse) -> str:
    content = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        content += chunk
        if len(content) > _MOST_BYTES:
            break
    kind = response.content_type
    if kind.endswith("json"):
        text = _compact(bytes(content))
    elif kind in ("text/plain", "text/csv", "text/markdown") or not content:
        text = " ".join(content.decode(errors="replace").split())
    else:
        raise ToolError(f"{name} was answered with {kind}, which cannot be read.")
    if response.status >= 400:
        raise ToolError(f"{name} was answered {response.status}: {text[:300] or 'nothing'}")
    if len(text) > settings.longest:
        return f"{text[: settings.longest]}… (there is more)"
    return text or "It is done."


def _compact(content: bytes) -> str:
    try:
        return json.dumps(read_json(content), ensure_ascii=False)
    except ValueError:  # as of an answer that was too long
        return content.decode(errors="replace")


class PrivateAddressError(OSError):
    """A name on the internet that leads to an address of a private network."""


class PublicOnly(AbstractResolver):
    """Resolves names to addresses on the internet, and to no others.

    What is connected to is what was looked at: a name that leads elsewhere when it is asked for a
    second time leads nowhere.
    """

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a name up.

        Raises:
            PrivateAddressError: It leads into a private network.
        """
        found = await self._resolver.resolve(host, port, family)
        public = [each for each in found if _is_public(each["host"])]
        if found and not public:
            raise PrivateAddressError(f"{host} leads into a private network")
        return public

    async def close(self) -> None:
        """Close the resolver."""
        await self._resolver.close()


_EMBEDDING = [ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "::/96")]
"""IPv6 that ends in an IPv4 address: of NAT64 (RFC 6052), and the compatible ones of old."""


def _is_public(address: str) -> bool:
    known = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(known, ipaddress.IPv6Address):
        if known.is_site_local or known.teredo:
            return False
        embedded = known.ipv4_mapped or known.sixtofour
        if any(known in network for network in _EMBEDDING):
            embedded = ipaddress.IPv4Address(int(known) & 0xFFFF_FFFF)
        if embedded:
            return _is_public(str(embedded))
    return known.is_global and not known.is_multicast
