"""What an MCP server answers: tools that are allowed, words or an error for the model, or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.agents import ToolError, llm

from agent.definition import mcp_tools
from agent.definition.mcp_tools import AllowedTools
from agent.definition.tool_settings import McpServer

from .strategies import JSON, nearly, written

TOOL = {
    "name": "stock",
    "description": "Tell how much there is of a tea.",
    "inputSchema": {"type": "object", "properties": {"tea": {"type": "string"}}},
}
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "shop", "version": "1"},
}
LISTED = {"tools": [TOOL, {**TOOL, "name": "sell"}]}
RESULT = {"content": [{"type": "text", "text": "Five boxes."}], "isError": False}


def shop(answers: dict[str, str]) -> web.Application:
    """A server of MCP that gives these results, as JSON or not, by the method."""

    async def handle(request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405)
        asked = await request.json()
        if "id" not in asked:
            return web.Response(status=202)
        result = answers.get(asked["method"], "{}")
        head = f'{{"jsonrpc": "2.0", "id": {json.dumps(asked["id"])}, "result": '
        body = (head + result + "}").encode("utf-8", "replace")
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/mcp", handle)
    return app


@settings(max_examples=max(10, settings().max_examples // 10))  # some are waited for
@given(
    st.just(json.dumps(HELLO)) | written(nearly(HELLO)),
    st.just(json.dumps(LISTED)) | written(nearly(LISTED)),
    written(nearly(RESULT) | JSON),
)
async def test_what_an_mcp_server_answers(hello: str, listed: str, result: str) -> None:
    answers = {"initialize": hello, "tools/list": listed, "tools/call": result}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mcp_tools, "_START", 1.0)
        async with TestServer(shop(answers)) as server:
            said = McpServer.model_validate(
                {"url": str(server.make_url("/mcp")), "allow": ["stock"], "timeout": 1}
            )
            tools = await AllowedTools("shop", said, Path(), []).setup()
            try:
                for tool in tools.tools:
                    assert isinstance(tool, llm.RawFunctionTool)
                    assert tool.info.name == "stock"
                    told = await _called(tool)
                    told.encode()
                    assert len(told) <= said.longest + 1
            finally:
                await tools.aclose()


async def _called(tool: Any) -> str:
    try:
        return str(await tool(raw_arguments={"tea": "Assam"}, run_context=None))
    except ToolError as e:
        return e.message


async def test_the_server_that_is_changed_is_right() -> None:
    answers = {"initialize": HELLO, "tools/list": LISTED, "tools/call": RESULT}
    written_down = {method: json.dumps(answer) for method, answer in answers.items()}
    async with TestServer(shop(written_down)) as server:
        said = McpServer.model_validate({"url": str(server.make_url("/mcp")), "allow": ["stock"]})
        tools = await AllowedTools("shop", said, Path(), []).setup()
        try:
            (tool,) = tools.tools
            assert await _called(tool) == "Five boxes."
        finally:
            await tools.aclose()
