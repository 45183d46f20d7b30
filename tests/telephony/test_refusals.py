"""A call that costs money: who is told that it was refused, and that nothing else comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import api
from livekit.agents import Agent, StopResponse, ToolError, function_tool
from livekit.agents.llm import FunctionToolCall, ToolResult

from agent.languages import LANGUAGES, Language, words
from agent.phone_settings import PhoneSettings
from agent.telephony import dial, tools
from agent.telephony.ledger import Attempt, Ledger
from agent.telephony.ledger.sqlite_store import SqliteStore
from agent.telephony.no_answer import NoAnswer, NotTaken
from agent.telephony.numbers import NotAllowed
from agent.telephony.outbound import CALLEE, OutboundCall
from agent.telephony.sip_call import SipCall
from agent.telephony.tools import PhoneTools
from harness.stage import stage
from harness.virtual_time import in_virtual_time

from .fakes import SETTINGS, Server, dialler

ALLOWED = "+12025550143"
PREMIUM = "+449098790123"


class Rooms:
    """LiveKit's rooms: an agent comes to each, or none does, as in a full house."""

    def __init__(self, come: Callable[[str, OutboundCall], Any] | None) -> None:
        self._come = come
        self.opened: list[str] = []
        self.deleted: list[str] = []
        self.failure: Exception | None = None

    async def create_room(self, request: api.CreateRoomRequest) -> None:
        if self.failure:
            raise self.failure
        self.opened.append(request.name)
        call = OutboundCall.from_metadata(request.agents[0].metadata)
        assert call is not None
        if self._come:
            await self._come(request.name, call)

    async def delete_room(self, request: api.DeleteRoomRequest) -> None:
        self.deleted.append(request.room)


class Talk:
    """A conversation whose caller agrees to all that they are asked."""

    def __init__(
        self,
        folder: Path,
        settings: PhoneSettings = SETTINGS,
        *,
        language: Language = "en",
        agents: bool = True,
    ) -> None:
        self.folder, self.settings, self.language, self.agent = folder, settings, language, None
        self.room = SimpleNamespace(name="conversation")
        self.sip_call = SipCall("sip_caller", "SCL_0", None, None)
        self.keys = cast(Any, None)
        self.session = self
        self.told: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.asked = self.hung_up = 0
        self.closing = False
        self.line = Server()
        self.rooms = Rooms(self._come if agents else None)
        self.server = SimpleNamespace(room=self.rooms)
        self.dialler = dialler(folder, self.line.api, settings, self.room.name)

    async def ask(self, question: Any) -> bool:
        self.asked += 1
        return True

    def say(self, text: str, **_: Any) -> Awaitable[None]:
        if self.closing:
            raise RuntimeError("AgentSession is closing, cannot use say()")
        self.told.append(text)
        return asyncio.sleep(0)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    def hang_up(self) -> None:
        self.hung_up += 1

    async def do(self, tool: str, **arguments: str) -> ToolResult:
        result = await getattr(PhoneTools(cast(Any, self)), tool)(**arguments)
        assert isinstance(result, ToolResult)
        return result

    async def place(self, number: str = ALLOWED) -> ToolResult:
        return await self.do("place_call", number=number, message="Dinner is ready.")

    async def attempts(self) -> list[Attempt]:
        ledger = Ledger(SqliteStore(self.folder / "attempts.sqlite3"), self.settings)
        try:
            return await ledger.since(60.0)
        finally:
            await ledger.aclose()

    async def _come(self, room: str, call: OutboundCall) -> None:
        placing = asyncio.create_task(self._place(room, call))
        if not self.line.sip.rings:
            await placing

    async def _place(self, room: str, call: OutboundCall) -> None:
        """What the job does that the call is dispatched to; it dies when the call is answered."""
        job = dialler(self.folder, self.line.api, self.settings, room)
        with contextlib.suppress(NotAllowed, NoAnswer):
            await job.dial(
                call.number, order="program", room=room, identity=CALLEE, attempt=call.attempt
            )


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    made = Talk(tmp_path)
    yield made
    await made.dialler.aclose()


async def test_a_call_that_is_placed_is_one_entry_and_the_model_knows(talk: Talk) -> None:
    assert "The call is being placed." in (await talk.place()).output
    await asyncio.gather(*talk.tasks)
    (attempt,) = await talk.attempts()
    assert (attempt.order, attempt.ordered_in, attempt.state) == (
        "place_call",
        "conversation",
        "answered",
    )
    assert [attempt.room] == talk.rooms.opened
    assert attempt.call == "SCL_1"
    assert (talk.asked, talk.told) == (1, [])


def failure(code: str, status: str) -> api.SipCallError:
    said = {"sip_status_code": code, "sip_status": status}
    return api.SipCallError("unavailable", "sip status", status=503, metadata=said)


BUSY, GONE = failure("486", "Busy Here"), failure("404", "Not Found")


@pytest.mark.parametrize(
    ("failure", "reason", "language"),
    [(BUSY, "busy", "en"), (GONE, "unreachable", "zh"), (TimeoutError(), "unanswered", "de")],
)
async def test_that_nobody_takes_a_placed_call_is_told_when_it_is_known(
    tmp_path: Path, failure: Exception, reason: Any, language: Language
) -> None:
    talk = Talk(tmp_path, language=language)
    talk.line.sip.failure, talk.line.sip.rings = failure, asyncio.Event()
    assert "is being placed" in (await talk.place()).output
    await asyncio.sleep(0.5)
    assert talk.told == []  # it rings
    talk.line.sip.rings.set()
    await asyncio.gather(*talk.tasks)
    assert talk.told == [words(language).phone.missed[reason]]
    (attempt,) = await talk.attempts()
    assert (attempt.state, attempt.reason, attempt.minutes) == ("failed", reason, 0)
    await talk.dialler.aclose()


async def test_that_a_line_is_busy_at_once_is_told_at_once(talk: Talk) -> None:
    talk.line.sip.failure = BUSY
    result = await talk.place()
    assert talk.told == ["The number I called for you is busy."]
    assert "Busy Here" in result.output
    assert not result.reply_required
    assert talk.rooms.deleted == talk.rooms.opened != []


async def test_of_a_call_that_is_taken_nothing_more_is_said(talk: Talk) -> None:
    talk.line.sip.rings = asyncio.Event()
    await talk.place()
    talk.line.sip.rings.set()
    await asyncio.gather(*talk.tasks)
    assert talk.told == []


@pytest.mark.parametrize(
    ("number", "reason"), [(PREMIUM, "range"), ("+882512345678", "place"), ("911", "emergency")]
)
@pytest.mark.parametrize("language", ["en", "zh", "de"])
async def test_a_number_that_may_not_be_called_is_refused_to_the_caller_and_the_model(
    tmp_path: Path, number: str, reason: Any, language: Language
) -> None:
    talk = Talk(tmp_path, language=language)
    result = await talk.place(number)
    assert talk.told == [words(language).phone.refused[reason]]
    assert "may not be called" in result.output
    assert not result.reply_required  # the caller has heard it already
    assert (talk.asked, talk.rooms.opened, talk.line.sip.asked) == (0, [], [])
    assert [each.reason for each in await talk.attempts()] == [reason]
    await talk.dialler.aclose()


async def test_a_number_that_is_none_is_the_models_to_ask_for_again(talk: Talk) -> None:
    with pytest.raises(ToolError, match="country code"):
        await talk.place("020 7946 0018")
    assert talk.told == []
    assert [each.reason for each in await talk.attempts()] == ["number"]


async def test_when_the_minutes_are_used_up_the_caller_and_the_model_are_told(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def transfer(control: Talk, address: str, summary: str) -> None:
        await control.dialler.dial(address, order="warm_transfer", room="r", identity="colleague")

    monkeypatch.setattr(tools, "warm_transfer", transfer)
    await talk.place()  # three minutes, which are all
    result = await talk.place()
    assert talk.told == ["I can't call: today's minutes are used up."]
    assert "minutes of today" in result.output
    assert len(talk.rooms.opened) == 1
    refused = await talk.do("warm_transfer", destination="Sales", summary="An order is late.")
    assert "minutes of today" in refused.output
    assert talk.told[-1] == "I can't call: today's minutes are used up."
    assert len(talk.line.sip.asked) == 1


async def test_a_transfer_that_is_refused_is_told_and_the_caller_stays(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"calls_per_minute": 1, "minutes_per_day": 90})
    talk = Talk(tmp_path, settings)
    await talk.place()
    result = await talk.do("transfer_call", destination="Sales")
    assert talk.told[-1] == "Too many calls were placed just now. Please try again in a minute."
    assert "within a minute" in result.output
    assert not talk.hung_up
    await talk.dialler.aclose()


@pytest.mark.parametrize(
    ("failure", "reason"), [(BUSY, "busy"), (GONE, "unreachable"), (TimeoutError(), "unanswered")]
)
@pytest.mark.parametrize("language", ["en", "zh", "de"])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("transfer_call", {}), ("warm_transfer", {"summary": "An order is late."})],
)
async def test_a_transfer_that_nobody_takes_is_told_by_the_code_and_the_model_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tool: str,
    arguments: dict[str, str],
    failure: Exception,
    reason: Any,
    language: Language,
) -> None:
    async def transfer(control: Talk, address: str, summary: str) -> None:
        await control.dialler.dial(address, order="warm_transfer", room="r", identity="colleague")

    monkeypatch.setattr(tools, "warm_transfer", transfer)
    talk = Talk(tmp_path, language=language)
    talk.line.sip.failure = failure
    result = await talk.do(tool, destination="Sales", **arguments)
    assert talk.told[-1] == words(language).phone.missed[reason]
    assert "The user was told." in result.output
    assert result.reply_required  # the caller is the model's again
    assert not talk.hung_up
    (attempt,) = await talk.attempts()
    assert (attempt.state, attempt.reason) == ("failed", reason)
    await talk.dialler.aclose()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_that_somebody_picked_up_and_did_not_take_the_call_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    async def transfer(*_: object) -> None:
        raise NotTaken

    monkeypatch.setattr(tools, "warm_transfer", transfer)
    talk = Talk(tmp_path, language=language)
    result = await talk.do("warm_transfer", destination="Sales", summary="An order is late.")
    phone = words(language).phone
    assert talk.told[-1] == phone.not_taken.format(name="Sales")
    assert "Sales" in talk.told[-1]
    assert talk.told[-1] not in phone.missed.values()
    assert "picked up" in result.output
    assert result.reply_required
    await talk.dialler.aclose()


async def test_a_transfer_that_the_other_side_refuses_did_not_get_through(talk: Talk) -> None:
    talk.line.sip.transfer = api.TransferSIPParticipantResponse(
        status=api.SIPTransferStatus.STS_TRANSFER_FAILED
    )
    await talk.do("transfer_call", destination="Sales")
    assert talk.told[-1] == "The call I placed for you did not get through."
    (attempt,) = await talk.attempts()
    assert (attempt.state, attempt.reason) == ("failed", "unreachable")


TRANSFER = ("transfer_call", {"destination": "Sales"})
WARM = ("warm_transfer", {"destination": "Sales", "summary": "An order is late."})
PLACE = ("place_call", {"number": ALLOWED, "message": "Dinner is ready."})


@pytest.mark.parametrize(
    ("tool", "arguments", "failure"),
    [
        *((*tool, NoAnswer("Busy Here", "busy")) for tool in (TRANSFER, WARM, PLACE)),
        *((*tool, NotAllowed("No more.", "minutes")) for tool in (TRANSFER, WARM, PLACE)),
        (*WARM, NotTaken()),
    ],
)
async def test_who_has_hung_up_meanwhile_is_told_nothing_and_that_is_no_fault(
    talk: Talk,
    monkeypatch: pytest.MonkeyPatch,
    tool: str,
    arguments: dict[str, str],
    failure: Exception,
) -> None:
    async def fail(*_: object, **__: object) -> None:
        talk.closing = True  # the caller hangs up while it rings
        raise failure

    monkeypatch.setattr(tools, "warm_transfer", fail)
    monkeypatch.setattr(talk.dialler, "transfer", fail)
    monkeypatch.setattr(talk.dialler, "taken", fail)
    with pytest.raises(StopResponse):
        await talk.do(tool, **arguments)


@pytest.mark.parametrize("failure", [NoAnswer("Busy Here", "busy"), NotAllowed("Not now.")])
async def test_who_has_hung_up_while_a_placed_call_rings_is_told_nothing(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    async def fail(*_: object) -> None:
        talk.closing = True
        raise failure

    monkeypatch.setattr(talk.dialler, "answered", fail)
    await talk.place()
    await asyncio.gather(*talk.tasks)
    assert talk.told == []


async def test_nobody_is_called_for_a_caller_who_has_gone(talk: Talk) -> None:
    talk.closing = True
    with pytest.raises(StopResponse):
        await talk.do("transfer_call", destination="Sales")
    assert talk.line.sip.asked == []


async def test_a_transfer_within_the_limits_leaves_the_call(talk: Talk) -> None:
    with pytest.raises(StopResponse):
        await talk.do("transfer_call", destination="Sales")
    assert talk.hung_up


async def test_an_order_that_no_agent_is_free_for_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "_TAKEN", 0.1)
    talk = Talk(tmp_path, agents=False)
    result = await talk.place()
    assert talk.told == ["I can't place that call right now."]
    assert "No agent was free" in result.output
    assert talk.rooms.deleted == talk.rooms.opened != []
    assert [(each.state, each.minutes) for each in await talk.attempts()] == [("refused", 0)]
    await talk.dialler.aclose()


async def test_an_order_that_livekit_does_not_take_is_told_and_costs_nothing(talk: Talk) -> None:
    talk.rooms.failure = api.TwirpError("unavailable", "no response from servers", status=503)
    result = await talk.place()
    assert talk.told == ["I can't place that call right now."]
    assert "cannot be placed now" in result.output
    assert [(each.state, each.minutes) for each in await talk.attempts()] == [("refused", 0)]


async def test_without_a_trunk_the_caller_and_the_model_are_told(tmp_path: Path) -> None:
    talk = Talk(tmp_path, SETTINGS.model_copy(update={"trunk": None}))
    result = await talk.place()
    assert talk.told == ["I can't place that call right now."]
    assert "No trunk" in result.output
    assert [(each.state, each.minutes) for each in await talk.attempts()] == [("failed", 0)]
    await talk.dialler.aclose()


FRAUD = [
    f"{prefix}{digits}"
    for prefix, digits in itertools.product(
        ("+44909879", "+44871234", "+44701234", "+1876555", "+1900555", "+88161234", "+97912345"),
        ("0123", "0124", "0125"),
    )
] + [f"+12025550{n}" for n in range(101, 120)]


async def test_forty_numbers_from_several_jobs_and_after_restarts_cost_no_more_than_they_may(
    tmp_path: Path,
) -> None:
    assert len(FRAUD) == 40
    settings = SETTINGS.model_copy(
        update={
            "prefixes": ["+44", "+1"],
            "minutes_per_day": 12,
            "calls_per_minute": 600,
            "max_minutes": 3,
        }
    )
    dialled: list[str] = []
    for _ in range(2):  # the second time by servers that were started anew
        talks = [Talk(tmp_path, settings) for _ in range(4)]

        async def insist(talk: Talk, numbers: list[str]) -> None:
            for number in numbers:
                await talk.place(number)

        await asyncio.gather(*(insist(talk, FRAUD[i::4]) for i, talk in enumerate(talks)))
        for talk in talks:
            dialled += [request.sip_call_to for request in talk.line.sip.asked]
            await talk.dialler.aclose()
    assert len(dialled) == 4
    assert all(number.startswith("+1202555") for number in dialled)
    attempts = await talks[0].attempts()
    assert len(attempts) == 80
    assert sum(each.minutes for each in attempts) == 12
    kinds = Counter(each.reason for each in attempts)
    assert kinds == {"": 4, "range": 24, "place": 18, "minutes": 34}
    assert not any(
        number[3:] in json.dumps(each.written()) for each in attempts for number in FRAUD
    )


class Refusing(Agent):
    """Has a tool that is refused."""

    @function_tool
    async def place_call(self) -> ToolResult:
        """Call somebody."""
        control: Any = SimpleNamespace(session=self.session, language="en", settings=SETTINGS)
        why = NotAllowed("The minutes of today's calls are used up.", "minutes")
        return await PhoneTools(control)._refused(why)


@in_virtual_time
async def test_a_refusal_is_said_once_and_stands_in_the_history_for_the_model() -> None:
    call = FunctionToolCall(name="place_call", arguments="{}", call_id="1")
    async with stage(call, "All went well!", agent=Refusing(instructions="")) as talk:
        talk.session.generate_reply(user_input="Call my sister.")
        await asyncio.sleep(20.0)
        said = " ".join(talk.tts.said)
        assert said == words("en").phone.refused["minutes"]  # and no word of the model's own
        outputs = [i for i in talk.session.history.items if i.type == "function_call_output"]
        assert [output.output for output in outputs] == [
            "The minutes of today's calls are used up. The user was told."
        ]
