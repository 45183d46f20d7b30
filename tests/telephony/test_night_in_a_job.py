"""A job whose caller meets the night message, up to the first word."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, MagicMock

import pytest
from livekit.agents import Agent, APIConnectionError, llm
from livekit.plugins import vllm

from agent import app, night, omni, settings
from agent.recovery.continuation import Continuation
from agent.telephony.arrival import User
from agent.telephony.night import NightMessage
from agent.telephony.sip_call import SipCall

from .conftest import CALL
from .test_night import NEVER, OFFICE, SAYS

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALWAYS = OFFICE | {"open": {day: ["00:00-24:00"] for day in DAYS}}
BEFORE = Continuation(llm.ChatContext([llm.ChatMessage(role="user", content=["Hello?"])]))


class Begun(Exception):
    """The conversation begins, and the test ends."""


class Record:
    """A call's part of the book."""

    def __init__(self, before: Continuation | None) -> None:
        self.before, self.followed = before, False
        self.hand = self.release = self.is_taken = self.is_ours = AsyncMock()

    async def begin(self, user: str) -> Continuation | None:
        return self.before

    def follow(self, session: object) -> None:
        self.followed = True


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a job, and returns it, who speaks first, and whether what is said is kept."""
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    called = User("sip_caller", "en", SipCall.from_attributes("sip_caller", CALL))
    monkeypatch.setattr(app, "connect_user", AsyncMock(return_value=called))
    down = AsyncMock(side_effect=APIConnectionError("it is off for the night"))
    monkeypatch.setattr(vllm.LLM, "ready", down)
    assistant = Agent(instructions="")
    monkeypatch.setattr(app, "agent_of", lambda *_: assistant)

    async def job(
        hours: dict[str, Any],
        *,
        hears: bool = False,
        before: Continuation | None = None,
        profile: str = "cpu",
    ) -> tuple[Any, Agent | None, bool]:
        first: list[Agent] = []

        async def start(agent: Agent, *_: object, **__: object) -> None:
            first.append(agent)
            raise Begun

        conversation = MagicMock(start=start)
        for module in (app, night):
            monkeypatch.setattr(module, "make", lambda *_, **__: conversation)
        loaded = settings.load(profile)
        closed = {"hours": {"office": hours}, "night": {"outside": "office", "says": SAYS}}
        phone = type(loaded.phone).model_validate(closed)
        model = loaded.llm.model_copy(update={"images": hears})
        loaded = loaded.model_copy(update={"phone": phone, "llm": model})
        ctx = MagicMock(api=SimpleNamespace())
        ctx.job.metadata = ctx.room.metadata = ""
        ctx.job.room.name, ctx.job.id = "call_1", "AJ_1"
        record = Record(before)
        try:
            await app._converse(cast(Any, ctx), loaded, cast(Any, record))
        except Begun:
            pass
        finally:
            for added in ctx.add_shutdown_callback.call_args_list:
                if not isinstance(closing := added.args[0](), MagicMock):
                    await closing
        return ctx, first[0] if first else None, record.followed

    return job


async def test_at_night_a_model_that_is_off_is_not_asked(job: Any) -> None:
    ctx, first, _ = await job(NEVER, hears=True)
    assert isinstance(first, NightMessage)
    ctx.shutdown.assert_not_called()


async def test_by_day_a_call_without_it_is_none(job: Any) -> None:
    ctx, first, _ = await job(ALWAYS, hears=True)
    assert first is None
    ctx.shutdown.assert_called_once_with(reason="it is off for the night")


@pytest.mark.parametrize(
    ("hours", "before", "message"),
    [(NEVER, None, True), (ALWAYS, None, False), (NEVER, BEFORE, False)],
)
async def test_who_comes_after_a_job_that_died_says_the_message_anew(
    hours: dict[str, Any], before: Continuation | None, message: bool, job: Any
) -> None:
    _, first, kept = await job(hours, before=before)
    assert isinstance(first, NightMessage) is message
    assert kept is not message


@pytest.mark.parametrize(("hours", "message"), [(NEVER, True), (ALWAYS, False)])
async def test_a_model_that_hears_and_speaks_by_itself_is_not_asked_either(
    hours: dict[str, Any], message: bool, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = AsyncMock()
    monkeypatch.setattr(omni, "converse", asked)
    _, first, _ = await job(hours, profile="experimental-omni")
    assert isinstance(first, NightMessage) is message
    assert asked.await_count == (not message)
