"""The shop's orders, as an MCP server on stdin and stdout: put your own system in its place.

What a caller may know of an order is decided here, and not by the model.
"""

from datetime import date, timedelta
from typing import NamedTuple

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("orders", log_level="WARNING")
DAYS_TO_RETURN = 30


class Order(NamedTuple):
    """An order, with the last four digits of the phone number on it."""

    phone: str
    items: str
    arrives: date


def _in_days(days: int) -> date:
    return date.today() + timedelta(days)


ORDERS = {
    "1042": Order("0018", "two Fern desk lamps", _in_days(2)),
    "1077": Order("4455", "a Moon floor lamp", _in_days(-6)),
    "1003": Order("0018", "a Reed table lamp", _in_days(-45)),
}
RETURNS: dict[str, str] = {}
"""Why an order is sent back. It is forgotten with the call: your shop has a database."""


@server.tool()
def find_order(order: str, phone: str) -> str:
    """Look up the state of an order, by its four digits and the last four of the phone number."""
    found = _found(order, phone)
    verb = "arrives" if found.arrives > date.today() else "was delivered"
    returned = " A return is under way." if order in RETURNS else ""
    return f"{found.items}: {verb} on {found.arrives:%A, %d %B}.{returned}"


@server.tool()
def start_return(order: str, phone: str, reason: str) -> str:
    """Start the return of an order. The caller is asked for a yes before it is done."""
    found = _found(order, phone)
    if found.arrives > date.today():
        raise ToolError("It has not arrived yet: it can be refused at the door.")
    if found.arrives < _in_days(-DAYS_TO_RETURN):
        raise ToolError(f"The {DAYS_TO_RETURN} days for a return are over: offer a colleague.")
    RETURNS[order] = reason
    return f"The return is under way. A label for {found.items} comes by e-mail today."


def _found(order: str, phone: str) -> Order:
    if order not in ORDERS or ORDERS[order].phone != phone:
        raise ToolError("There is no such order with that phone number: ask for both again.")
    return ORDERS[order]


if __name__ == "__main__":
    server.run("stdio")
