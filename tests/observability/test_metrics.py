"""``/metrics`` of the agent server: the figures of its jobs beside LiveKit's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.stack import Server
from agent.telemetry import STAGES

from .running import TOKENS, running

pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_the_page_has_the_turns_of_all_jobs_and_livekits_gauges(
    livekit: Server, tmp_path: Path
) -> None:
    async with running(livekit, tmp_path, {}) as agent:
        async with agent.caller() as caller:
            (turn,) = [record for record in caller.turns if record["kind"] == "turn"]
            page = await agent.page()
            assert page['parley_turn_waited_seconds_count{language="en"}'] == 1
            waited = page['parley_turn_waited_seconds_sum{language="en"}']
            assert waited == pytest.approx(turn["waited"], abs=0.001)
            for stage in STAGES:
                assert page[f'parley_turn_{stage}_seconds_count{{language="en"}}'] == 1
            assert page['parley_turns_total{language="en",outcome="answered"}'] == 1
            assert page["parley_first_words_seconds_count"] == 1
            instant = [{"model": "instant", "choice": "first", "server": 1}]
            assert turn["engines"] == {"stt": instant, "llm": instant, "tts": instant}
            assert _sum(page, "parley_engine_faults_total") == 0
            assert _sum(page, "parley_engine_fallbacks_total") == 0
            prompt = page['parley_llm_tokens_total{kind="prompt"}']
            assert prompt == TOKENS["prompt_tokens"]
            assert _sum(page, "lk_agents_active_job_count") == 1
            assert _sum(page, "lk_agents_worker_load") == pytest.approx(0.1)
            assert _sum(page, "lk_agents_proc_initialize_duration_seconds_count") >= 1
        await agent.free()
        async with agent.caller():  # by another process
            page = await agent.page()
            assert page['parley_turn_waited_seconds_count{language="en"}'] == 2


async def test_the_ports_can_be_chosen_in_development_too(livekit: Server, tmp_path: Path) -> None:
    async with running(livekit, tmp_path, {}, command="dev") as agent:
        assert await agent.free() < 1.0
        assert _sum(await agent.page(), "lk_agents_worker_load") == 0


def _sum(page: dict[str, float], name: str) -> float:
    """Of all labels; it is an error if there are none."""
    found = [value for key, value in page.items() if key.split("{")[0] == name]
    assert found, name
    return sum(found)
