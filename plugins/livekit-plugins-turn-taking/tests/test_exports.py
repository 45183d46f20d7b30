"""The names that the plugin promises, and what it must not know."""

from __future__ import annotations

import subprocess
import sys

from livekit.agents import Plugin
from livekit.plugins import turn_taking


def test_exported_names() -> None:
    assert set(turn_taking.__all__) == {
        "FALSE_STOP",
        "HEARING",
        "BargeInPolicy",
        "Clause",
        "Endpointer",
        "EndpointingPolicy",
        "Evidence",
        "Floor",
        "Judged",
        "ModelError",
        "Pause",
        "Stage",
        "TurnEnd",
        "TurnOptions",
        "TurnTakingAgent",
        "Verdict",
        "Wait",
        "WantsHunches",
        "WordsFirst",
        "__version__",
    }
    for name in turn_taking.__all__:
        assert getattr(turn_taking, name) is not None


def test_the_plugin_is_registered() -> None:
    assert "livekit.plugins.turn_taking" in {p.package for p in Plugin.registered_plugins}


def test_it_imports_neither_the_agent_nor_another_plugin() -> None:
    code = """
import sys
import livekit.plugins.turn_taking
import livekit.plugins.turn_taking.conduct.participants
ours = "livekit.plugins.turn_taking"
plugins = {m for m in sys.modules if m.startswith("livekit.plugins.") and not m.startswith(ours)}
print(*plugins, *{m for m in sys.modules if m.split(".")[0] == "agent"})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
