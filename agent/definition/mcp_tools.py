"""The tools of MCP servers, through LiveKit's own support, held to what other tools are."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from livekit.agents import RunContext, ToolError, function_tool
from livekit.agents.llm import RawFunctionTool, Tool, Toolset
from livekit.agents.llm.mcp import (
    MCPServer,
    MCPServerHTTP,
    MCPServerStdio,
    MCPTool,
    MCPToolResultContext,
    MCPToolset,
)

from agent.conduct import Conduct

from .guarded import agreed, in_time
from .question import Question
from .tool_settings import McpServer, revealed

logger = logging.getLogger("parley")

_START = 10.0
"""Seconds that a server may take to start: the caller waits for it before they are greeted."""

_PYTHON = ("python", "python3")
"""What a command may call the Python that runs us, which has the packages that we have: by these
names PATH leads to another, or to none where the environment is not activated."""


class AllowedTools(MCPToolset):
    """Those tools of a server that an agent is allowed.

    Without its server an agent speaks on, and has none of them.

    Args:
        name: What the agent's folder calls the server.
        settings: What it says of it.
        folder: Where its command is run.
        taken: Names of tools that the agent has already, which win.
    """

    def __init__(self, name: str, settings: McpServer, folder: Path, taken: Sequence[str]) -> None:
        super().__init__(id=f"mcp_{name}", mcp_server=_server(settings, folder))
        self._name, self._settings, self._taken = name, settings, taken

    async def setup(self, *, reload: bool = False) -> Self:
        """Connect to the server, and take from it what is allowed."""
        if self._initialized and not reload:
            return self
        try:
            async with asyncio.timeout(_START):
                await super().setup(reload=reload)
        except Exception as e:
            logger.error("no MCP server", extra={"server": self._name, "error": repr(e)})
            self._tools = []
            return self
        offered = {tool.info.name: tool for tool in self._tools if isinstance(tool, MCPTool)}
        self._tools = [
            self._guarded(offered[name])
            for name in self._settings.allow
            if name in offered and name not in self._taken
        ]
        if missing := [name for name in self._settings.allow if name not in offered]:
            logger.error(
                "tools that an MCP server does not have",
                extra={"server": self._name, "missing": missing, "there_are": sorted(offered)},
            )
        return self

    def _guarded(self, tool: RawFunctionTool[..., Any]) -> Tool | Toolset:
        name = tool.info.name
        question: Question | None = self._settings.confirm.get(name)

        async def call(raw_arguments: dict[str, object], run_context: RunContext[Conduct]) -> Any:
            if question:
                await agreed(run_context, question, raw_arguments)
            try:
                return await in_time(
                    name, self._settings.timeout, lambda: tool(raw_arguments=raw_arguments)
                )
            except ToolError as e:
                # LiveKit gives the whole of a server's error, of whatever length.
                raise ToolError(_cut(e.message, self._settings.longest)) from e

        return function_tool(call, raw_schema=tool.info.raw_schema)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _server(settings: McpServer, folder: Path) -> MCPServer:
    def words(result: MCPToolResultContext) -> str:
        """The texts of a result, as long as the model is given them."""
        texts = [part.text for part in result.result.content if part.type == "text"]
        if not texts:
            raise ToolError(f"{result.tool_name} was answered with something that is no text.")
        text = "\n".join(texts)
        return _cut(text, settings.longest)

    if settings.url:
        return MCPServerHTTP(
            settings.url,
            transport_type="sse" if settings.url.endswith("/sse") else "streamable_http",
            headers={key: revealed(value) for key, value in settings.headers.items()},
            timeout=settings.timeout,
            client_session_timeout_seconds=max(settings.timeout, _START),
            tool_result_resolver=words,
        )
    program, *arguments = settings.command
    return MCPServerStdio(
        sys.executable if program in _PYTHON else program,
        arguments,
        env={key: revealed(value) for key, value in settings.env.items()} or None,
        cwd=folder,
        client_session_timeout_seconds=max(settings.timeout, _START),
        tool_result_resolver=words,
    )
