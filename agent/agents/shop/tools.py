"""What the support can do beside looking things up: each function is a tool."""

import csv
import os
from datetime import datetime
from pathlib import Path

from platformdirs import user_state_path

from agent.authoring import ToolError, confirm


@confirm("Shall a colleague call you back on {number}?", zh="要请同事拨打{number}给您回电吗？")
def request_callback(number: str, about: str) -> str:
    """Have a colleague call back. Ask for the number first.

    Args:
        number: The caller's telephone number.
        about: What it is about, in one sentence.
    """
    if not 7 <= sum(c.isdigit() for c in number) <= 15:
        raise ToolError("That is not a telephone number: ask for it again.")
    # A list that colleagues work through: your shop has a desk for it.
    path = Path(os.environ.get("SHOP_CALLBACKS") or user_state_path("fernlight") / "callbacks.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow([datetime.now().isoformat(timespec="minutes"), number, about])
    return "It is noted. A colleague calls back within two opening hours."
