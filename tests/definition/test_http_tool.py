from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit.agents import Agent, AgentSession
from livekit.agents.llm import FunctionToolCall, Tool, Toolset

from agent import settings
from agent.conduct import Conduct
from agent.definition import http_tool
from agent.definition.http_tool import PublicOnly
from agent.definition.loading import load_agent
from agent.settings import ConductSettings, SettingsError
from harness.scripted import Llm

from .conftest import Folder

ORDER = {
    "type": "object",
    "properties": {"order": {"type": "string", "maxLength": 20}, "full": {"type": "boolean"}},
    "required": ["order"],
}


class Shop:
    """A service, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: Any = web.json_response({"state": "sent"})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {key: value for key, value in request.headers.items() if key != "Host"}
        self.asked.append((request.method, request.raw_path, headers, await request.text()))
        answer = self.answer(request) if callable(self.answer) else self.answer
        if asyncio.iscoroutine(answer):
            answer = await answer
        return answer  # type: ignore[no-any-return]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", shop.handle)
    async with TestServer(app) as server:
        shop.url = f"http://127.0.0.1:{server.port}"  # type: ignore[attr-defined]
        yield shop


def offered(folder: Folder, shop: Any, **tool: Any) -> Tool | Toolset:
    """The tool of an agent that declares it."""
    declared = {
        "description": "Look an order up.",
        "url": f"{shop.url}/orders/{{order}}",
        "parameters": ORDER,
        **tool,
    }
    host = shop.url.removeprefix("http://")
    path = folder(hosts=[host], http_tools={"find_order": declared}, variables={"caller": "a/b&c"})
    return load_agent(str(path), settings.load("cpu")).tools()[0]


async def called(tool: Tool | Toolset, arguments: str, *answers: str) -> str:
    """What the model is told by a tool, the caller answering in turn."""
    call = FunctionToolCall(name="find_order", arguments=arguments, call_id="call-1")
    async with AgentSession[Any](llm=Llm(call, "Done."), vad=None) as session:
        Conduct(ConductSettings(), session, language="en")
        await session.start(Agent(instructions="", tools=[tool]))
        for words in ("Please.", *answers):
            await session.run(user_input=words)
        outputs = [i for i in session.history.items if i.type == "function_call_output"]
    return outputs[-1].output


async def test_arguments_go_where_they_belong(folder: Folder, shop: Shop) -> None:
    tool = offered(folder, shop, url=f"{shop.url}/orders/{{order}}?for={{caller}}")  # type: ignore[attr-defined]
    assert await called(tool, '{"order": "4271 ü/x", "full": true}') == '{"state": "sent"}'
    method, path, _, body = shop.asked[0]
    assert (method, body) == ("GET", "")
    assert path == "/orders/4271%20%C3%BC%2Fx?for=a%2Fb%26c&full=true"


async def test_what_changes_something_sends_json_and_is_asked_about(
    folder: Folder, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hush")
    tool = offered(
        folder,
        shop,
        method="POST",
        headers={"Authorization": "Bearer ${SHOP_TOKEN}"},
        confirm="Shall I cancel order {order}?",
    )
    refused = await called(tool, '{"order": "4271"}', "No.")
    assert refused == "The user does not want that."
    assert not shop.asked
    await called(tool, '{"order": "4271", "full": false}', "Yes.")
    method, path, headers, body = shop.asked[0]
    assert (method, path, body) == ("POST", "/orders/4271", '{"full": false}')
    assert headers["Authorization"] == "Bearer hush"


async def test_nobody_is_asked_about_what_the_model_left_out(folder: Folder, shop: Shop) -> None:
    tool = offered(folder, shop, method="POST", confirm="Shall I cancel {order}, {full}?")
    assert await called(tool, '{"order": "4271"}') == (
        "full is needed, for the user is asked about it."
    )
    assert not shop.asked


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("{}", "'order' is a required property"),
        ('{"order": 5}', "order: 5 is not of type 'string'"),
        ('{"order": "x", "url": "http://elsewhere"}', "'url' was unexpected"),
        ('{"order": "' + "9" * 21 + '"}', "order: "),
        ('{"order": ".."}', "'..' cannot be a part of an address"),
        ('{"order": "."}', "'.' cannot be a part of an address"),
        ('{"order": ""}', "'' cannot be a part of an address"),
        ('{"order": "x", "full": "' + "y" * 9000 + '"}', "too long"),
    ],
)
async def test_what_does_not_match_is_not_sent(
    folder: Folder, shop: Shop, arguments: str, part: str
) -> None:
    assert part in await called(offered(folder, shop), arguments)
    assert not shop.asked


def moved(status: int, to: str) -> Any:
    def answer(request: web.Request) -> web.Response:
        if request.path == "/there":
            return web.json_response("here")
        return web.Response(status=status, headers={"Location": to})

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_the_same_server_is_followed(
    folder: Folder, shop: Shop, status: int
) -> None:
    shop.answer = moved(status, "/there")
    assert await called(offered(folder, shop), '{"order": "1"}') == '"here"'


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:9/there", "http://localhost/there", "//169.254.169.254/", "file:///x"]
)
async def test_a_redirect_to_anybody_else_is_not(folder: Folder, shop: Shop, to: str) -> None:
    shop.answer = moved(302, to)
    assert "sent elsewhere" in await called(offered(folder, shop), '{"order": "1"}')
    assert len(shop.asked) == 1


async def test_a_redirect_in_a_circle_ends(folder: Folder, shop: Shop) -> None:
    shop.answer = moved(302, "/again")
    assert "from one address to another" in await called(offered(folder, shop), '{"order": "1"}')
    assert len(shop.asked) == 4


async def test_what_changes_something_follows_no_redirect(folder: Folder, shop: Shop) -> None:
    shop.answer = moved(307, "/there")
    tool = offered(folder, shop, method="DELETE", confirm=False)
    assert "sent elsewhere" in await called(tool, '{"order": "1"}')


async def slowly(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (web.json_response({"no": 1}, status=404), 'find_order was answered 404: {"no": 1}'),
        (web.Response(status=500), "find_order was answered 500: nothing"),
        (web.Response(text="<p>", content_type="text/html"), "answered with text/html"),
        (web.Response(body=b"\x89PNG", content_type="image/png"), "answered with image/png"),
        (web.Response(text="It is\n sent."), "It is sent."),
        (web.Response(status=204), "It is done."),
        (web.Response(text="x" * 3000), "x" * 150 + "… (there is more)"),
        (web.Response(body=b"[1" * 1_000_000, content_type="application/json"), "(there is more)"),
        (slowly, "find_order took longer than 0.5 seconds."),
    ],
)
async def test_what_is_answered_is_a_text_that_the_model_can_use(
    folder: Folder, shop: Shop, answer: Any, told: str
) -> None:
    shop.answer = answer
    output = await called(offered(folder, shop, longest=150, timeout=0.5), '{"order": "1"}')
    assert told in output
    assert len(output) < 200


async def test_a_server_that_is_not_there_is_a_sentence(folder: Folder, shop: Shop) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        shop.url = f"http://127.0.0.1:{closed.getsockname()[1]}"  # type: ignore[attr-defined]
        tool = offered(folder, shop)
        assert await called(tool, '{"order": "1"}') == "find_order cannot be reached now."


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%lo"),
        *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "fec0::1", "::127.0.0.1", "2002:a00:1::"),
    ],
)
async def test_a_name_does_not_lead_into_a_private_network(
    folder: Folder, shop: Shop, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    async def resolve(*_: object) -> list[dict[str, Any]]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            {"hostname": "x", "host": address, "port": 80, "family": family, "proto": 0, "flags": 0}
        ]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    with pytest.raises(OSError, match="private network"):
        await PublicOnly().resolve("shop.example", 443)
    tool = {"description": "Look.", "url": "https://shop.example/orders/{order}"}
    path = folder(hosts=["shop.example"], http_tools={"find_order": {**tool, "parameters": ORDER}})
    told = await called(load_agent(str(path)).tools()[0], '{"order": "1"}')
    assert told == "find_order leads into a private network, where it may not go."


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "64:ff9b::5db8:d70e"])
def test_the_internet_is_reached(address: str) -> None:
    assert http_tool._is_public(address)


@pytest.mark.parametrize(
    ("says", "part"),
    [
        ({"url": "ftp://shop.example/x"}, "url must begin with https:// and a host"),
        ({"url": "http://shop.example/x"}, "others could read what is asked"),
        ({"url": "https://{host}/x"}, "url must have a plain host"),
        ({"url": "https://user@shop.example/x"}, "url must have a plain host"),
        ({"url": "https://shop.example:port/x"}, "url is not a URL"),
        ({"url": "https://other.example/x"}, "other.example is not among hosts (there are shop"),
        ({"url": "https://shop.example:8443/x"}, "shop.example:8443 is not among hosts"),
        ({"url": "https://shop.example/{what}"}, "{what} must be among its parameters or among"),
        ({"url": "https://shop.example/{id}"}, "is among neither"),
        ({"method": "POST"}, "POST may change something: say in confirm"),
        ({"method": "DELETE"}, "DELETE may change something"),
        ({"method": "SEND"}, "'GET', 'POST'"),
        ({"confirm": "Shall I cancel {id}?"}, "confirm asks about id"),
        ({"confirm": "Shall I cancel {order?"}, "confirm: expected '}'"),
        ({"confirm": "Shall I cancel {order[0]}?"}, "is not the name of an argument"),
        ({"parameters": {"order": "string"}}, "must be a JSON schema with type: object"),
        ({"parameters": {**ORDER, "required": 1}}, "is not a JSON schema"),
        (
            {"parameters": {"type": "object", "properties": {"a": {"$ref": "http://x"}}}},
            "without $ref",
        ),
        ({"headers": {"Authorization": "Bearer ${NOBODY_SET_THIS}"}}, "NOBODY_SET_THIS is not set"),
        ({"headers": {"Host": "internal"}}, "it is not for an agent to set"),
        ({"headers": {"X Y": "z"}}, "must look like X-Api-Key"),
        ({"timeout": 100}, "allowed: 0.1 to 60.0"),
        ({"longest": 1}, "allowed: 100 to 20000"),
        ({"verb": "GET"}, "verb is not a setting (there are description, method"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_request_is_one_sentence(folder: Folder, says: dict[str, Any], part: str) -> None:
    tool = {
        "description": "Look an order up.",
        "url": "https://shop.example/orders/{order}",
        "parameters": ORDER,
        **says,
    }
    with pytest.raises(SettingsError) as raised:
        load_agent(str(folder(hosts=["shop.example"], http_tools={"find_order": tool})))
    assert part in str(raised.value)
    assert "http_tools.find_order" in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_no_secret_is_in_what_is_said_of_an_agent(
    folder: Folder, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hush")
    tool = {
        "description": "Look.",
        "url": "https://shop.example/x",
        "headers": {"Authorization": "${SHOP_TOKEN}"},
    }
    agent = load_agent(str(folder(hosts=["shop.example"], http_tools={"find": tool})))
    assert "hush" not in repr(agent)
