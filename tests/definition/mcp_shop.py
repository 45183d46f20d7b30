"""An MCP server of six tools, started by tests: by its command, or over HTTP with a port."""

from __future__ import annotations

import asyncio
import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("shop")


@server.tool()
def stock(tea: str) -> str:
    """Tell how much there is of a tea."""
    return f"{len(tea)} boxes of {tea}, {os.environ.get('SHOP', 'nowhere')}"


@server.tool()
def sell(tea: str) -> str:
    """Sell a tea."""
    return f"Sold {tea}."


@server.tool()
async def slow() -> str:
    """Take long."""
    await asyncio.sleep(60)
    return "At last."


@server.tool()
def refused() -> str:
    """Refuse."""
    raise ToolError("no till")


@server.tool()
def verbose() -> str:
    """Refuse at length."""
    raise ToolError("no till " * 10_000)


@server.tool()
def broken() -> str:
    """Fail."""
    raise RuntimeError("a path that is nobody's business")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
