"""env.example names what is read from the environment, each with a line of its own."""

from __future__ import annotations

import re
from pathlib import Path

from agent.environment import OTHERS, PREFIX
from agent.settings import Settings
from agent.stack.observe import OBSERVE_PORTS
from agent.stack.phone import MONITOR_PORT, PHONE_PORTS, TLS_PORT

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("agent", "scripts", "plugins", "configs", "deploy", "docs")
HANDED_ON = {"LIVEKIT_WS_URL"}
"""Set for a program of others, never read."""

LINES = [
    line
    for line in (ROOT / "env.example").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def names_in(folder: str) -> set[str]:
    found = set()
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".sh", ".yaml", ".md"} and "tests" not in path.parts:
            found.update(re.findall(r"\b(?:PARLEY|LIVEKIT)_[A-Z0-9_]*[A-Z0-9]\b", path.read_text()))
    return found


def test_every_line_says_what_its_variable_is() -> None:
    assert LINES
    assert [line for line in LINES if not re.match(r"[A-Z0-9_]+=\S* +# \S", line)] == []


def test_every_variable_has_a_line() -> None:
    listed = {line.split("=")[0] for line in LINES}
    assert len(listed) == len(LINES)
    read = {name for folder in SOURCES for name in names_in(folder)} - HANDED_ON
    assert "PARLEY_PROFILE" in read
    assert (
        read | {port.variable for port in (*PHONE_PORTS, TLS_PORT, MONITOR_PORT, *OBSERVE_PORTS)}
        <= listed
    )


def test_what_is_no_setting_is_known_by_its_name() -> None:
    ours = {line.split("=")[0] for line in LINES if line.startswith(PREFIX)}
    names = {name.removeprefix(PREFIX) for name in ours}
    settings = {name for name in names if name.split("__")[0].lower() in Settings.model_fields}
    assert names - settings == OTHERS
