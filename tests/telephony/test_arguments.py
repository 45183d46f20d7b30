"""What the model may do on the phone, and what a yes is, whatever the model writes."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import Agent, ToolError, function_tool
from livekit.agents.llm import FunctionToolCall
from livekit.agents.vad import VADEventType
from livekit.rtc.event_emitter import EventEmitter

from agent.telephony.consent import Consent
from agent.telephony.keys import RoomKeys
from agent.telephony.tools import PhoneTools
from harness.stage import Stage, lasting, stage
from harness.virtual_time import in_virtual_time

from .fakes import SETTINGS, dialler


class Control:
    """A call of which nothing may come."""

    language = "en"
    sip_call = object()

    def __init__(self, folder: Path) -> None:
        self.settings = SETTINGS
        self.room = SimpleNamespace(local_participant=self)
        self.keys = RoomKeys(cast(rtc.Room, Line()))
        self.dialler = dialler(folder, cast(Any, None))
        self.session = self
        self.done: list[str] = []

    async def publish_dtmf(self, **_: Any) -> None:
        self.done.append("key")

    async def ask(self, question: Any) -> Any:
        self.done.append("asked")
        raise ToolError("The user does not want that.")

    async def say(self, text: str, **_: Any) -> None:
        self.done.append("said")


ALLOWED = "+12025550143"
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("place_call", {"number": ALLOWED, "message": ""}),
    ("place_call", {"number": ALLOWED, "message": " \n\t"}),
    ("place_call", {"number": ALLOWED, "message": "x" * 501}),
    ("place_call", {"number": "+1202555014", "message": "Hello."}),
    ("place_call", {"number": "11 22 33", "message": "Hello."}),
    ("place_call", {"number": ALLOWED + ";ext=1", "message": "Hello."}),
    ("place_call", {"number": "sip:a@evil.example", "message": "Hello."}),
    ("place_call", {"number": "+1202555\n0143;x", "message": "Hello."}),
    ("transfer_call", {"destination": "+442079460018"}),
    ("transfer_call", {"destination": "sip:workshop@pbx.example.org"}),
    ("transfer_call", {"destination": ""}),
    ("transfer_call", {"destination": "Sales and the boss"}),
    ("warm_transfer", {"destination": "Sales", "summary": ""}),
    ("warm_transfer", {"destination": "Sales", "summary": "x" * 501}),
    ("warm_transfer", {"destination": "nobody", "summary": "Hello."}),
    ("warm_transfer", {"destination": "the workshop", "summary": "Hello."}),  # a sip: address
    ("press_keys", {"keys": ""}),
    ("press_keys", {"keys": "1" * 33}),
    ("press_keys", {"keys": "1w2"}),
    ("press_keys", {"keys": "１２"}),
    ("hold", {"seconds": 0}),
    ("hold", {"seconds": -1}),
    ("hold", {"seconds": math.nan}),
    ("ask_for_digits", {"question": "", "least": 1, "most": 4}),
    ("ask_for_digits", {"question": "x" * 201, "least": 1, "most": 4}),
    ("ask_for_digits", {"question": "Which?", "least": 0, "most": 4}),
    ("ask_for_digits", {"question": "Which?", "least": 1, "most": 10**9}),
    ("hang_up", {"goodbye": "x" * 201}),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
async def test_an_argument_that_is_none_is_refused_before_anything_is_done(
    case: int, tmp_path: Path
) -> None:
    name, arguments = REFUSED[case]
    control = Control(tmp_path)
    with pytest.raises(ToolError):
        await getattr(PhoneTools(cast(Any, control)), name)(**arguments)
    assert control.done == []
    await control.dialler.aclose()


async def test_what_is_allowed_is_asked_for_first(tmp_path: Path) -> None:
    for name, arguments in (
        ("place_call", {"number": "+1 (202) 555-0143", "message": "Dinner is at\neight."}),
        ("transfer_call", {"destination": " sales "}),
        ("warm_transfer", {"destination": "Sales", "summary": "An order is late."}),
    ):
        control = Control(tmp_path)
        with pytest.raises(ToolError, match="does not want that"):
            await getattr(PhoneTools(cast(Any, control)), name)(**arguments)
        assert control.done == ["asked"]


QUESTION = "Shall I put you through to sales?"


class Line(EventEmitter[str]):
    """The room, of which only the keys are used."""

    def press(self, digit: str) -> None:
        self.emit("sip_dtmf_received", SimpleNamespace(digit=digit))


class Asking(Agent):
    """Asks for consent when its model calls the tool."""

    def __init__(self, line: Line) -> None:
        super().__init__(instructions="")
        self.line = line
        self.agreed: list[bool] = []

    @function_tool
    async def transfer(self) -> str:
        """Transfer."""
        self.agreed.append(
            await Consent(
                QUESTION,
                language="en",
                keys=RoomKeys(cast(rtc.Room, self.line)),
                answer_timeout=3.0,
            )
        )
        return "Done."


async def asked(talk: Stage) -> float:
    """Wait until the question has begun, and give how long it takes to say."""
    talk.session.generate_reply(user_input="Sales, please.")
    while not any(QUESTION in said for said in talk.tts.said):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    return lasting(f"{QUESTION} Say yes, or press 1.") - 0.5


async def says(talk: Stage, words: str) -> None:
    """Have the caller say something to whoever asks: the streams of the assistant are closed."""
    talk.vad.tell(VADEventType.START_OF_SPEECH, stream=-1, speaking=True)
    await asyncio.sleep(0.3)
    talk.vad.tell(VADEventType.END_OF_SPEECH, stream=-1, silence_duration=0.0)
    talk.stt.hears(words)


CALL = FunctionToolCall(name="transfer", arguments="{}", call_id="1")


@pytest.mark.parametrize("keys", ["1", "2", "12", "21"])
@in_virtual_time
async def test_a_key_counts_once_the_question_has_been_heard(keys: str) -> None:
    agent = Asking(Line())
    async with stage(CALL, "All right.", agent=agent) as talk:
        left = await asked(talk)
        for key in keys:
            agent.line.press(key)
        await asyncio.sleep(left - 0.5)
        assert agent.agreed == []
        await asyncio.sleep(3.0)
        assert agent.agreed == [keys[-1] == "1"]
        assert any(QUESTION in words for words in talk.words)  # it was said to its end


@pytest.mark.parametrize("words", ["Yes.", "yes yes, go ahead", "Okay, sure, do it"])
@in_virtual_time
async def test_a_yes_over_the_question_is_none(words: str) -> None:
    agent = Asking(Line())
    async with stage(CALL, "All right.", agent=agent) as talk:
        left = await asked(talk)
        await says(talk, words)
        await asyncio.sleep(left + 1.0)
        assert agent.agreed == []
        assert any(QUESTION in said for said in talk.words)  # it was not broken off
        await says(talk, words)
        await asyncio.sleep(2.0)
        assert agent.agreed == [True]
