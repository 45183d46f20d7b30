"""One call by voice, in a real room, by a script: interrupted, measured and saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.definition.definition import AgentDefinition
from agent.settings import Settings
from evaluation import by_voice
from evaluation.caller import ScriptedCaller
from evaluation.checks import checked
from evaluation.scenario import cases_of

pytestmark = [pytest.mark.room, pytest.mark.timeout(600)]


async def test_a_caller_talks_over_the_agent(
    library: AgentDefinition, cpu: Settings, tmp_path: Path
) -> None:
    (case,) = cases_of(library, ["talk-over"])
    by_voice.check([case], cpu)
    async with by_voice.stage(library, scripted=True, keep=tmp_path) as stage:
        caller = ScriptedCaller(case.scenario.caller.lines)
        played = await by_voice.play(case, library, cpu, caller, stage)
    failed = [check for check in checked(case.scenario, played) if not check.passed]
    assert failed == []
    assert played.heard
    assert [name for name, _ in played.heard.moments] == ["interrupts reply 1 after 1.5 s"]
    assert len(played.heard.waits) == 2
    # The title is more than the recogniser knows.
    heard = [line["text"] for line in played.transcript if line["who"] == "caller"]
    assert any("tell me about" in text for text in heard)
    # The recording, the captions and the agent's own records, for the page.
    saved = played.heard.saved
    assert (tmp_path / "talk-over.zip").is_file()
    assert saved.seconds > 8
    assert len(saved.turns) == 3
    assert any(turn.interrupted for turn in saved.turns)
