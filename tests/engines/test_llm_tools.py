"""Tool calls and replies of a given shape, by vLLM's own parsers and grammars.

The weights are random: what is called and said is what the grammar leaves over.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import pydantic
import pytest
from livekit.agents import llm

from .brain import ONCE, Brain, read, talk

# Far more than 60 tokens.
ANNOUNCEMENT = "we ask you all to go down to the sea now and to take no bag with you. " * 10


@llm.function_tool
async def wake(hour: int, day: Literal["today", "tomorrow"]) -> str:
    """Wake the guest.

    Args:
        hour: When, 0 to 23.
        day: On which day.
    """
    return f"{hour} {day}"


@llm.function_tool
async def lamp(state: Literal["on", "off"]) -> str:
    """Switch the lamp.

    Args:
        state: What to switch it to.
    """
    return state


async def test_a_tool_that_must_be_called(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=200)
    said = await read(
        model.chat(
            chat_ctx=talk("Light, please."),
            tools=[lamp],
            tool_choice="required",
            conn_options=ONCE,
        )
    )
    assert said.text.strip() == ""
    assert said.calls
    assert {call.name for call in said.calls} == {"lamp"}
    assert json.loads(said.calls[0].arguments)["state"] in ("on", "off")


@llm.function_tool
async def announce(text: Literal[ANNOUNCEMENT]) -> str:  # type: ignore[valid-type]
    """Say something to all guests.

    Args:
        text: What to say.
    """
    return str(text)


async def test_a_call_that_is_cut_off_is_not_carried_out(brain: Brain) -> None:
    # vLLM ends the stream of such a call with "tool_calls", as it does that of a whole one.
    model = brain.llm(max_completion_tokens=60)
    said = await read(
        model.chat(
            chat_ctx=talk("The fire alarm!"),
            tools=[announce],
            tool_choice="required",
            conn_options=ONCE,
        )
    )
    (call,) = said.calls
    assert ANNOUNCEMENT not in call.arguments
    with pytest.raises(llm.ToolError, match="cut off"):
        llm.utils.prepare_function_arguments(fnc=announce, json_arguments=call.arguments)


async def test_a_tool_that_is_named(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=200)
    said = await read(
        model.chat(
            chat_ctx=talk("Light, please."),
            tools=[wake, lamp],
            tool_choice={"type": "function", "function": {"name": "lamp"}},
            conn_options=ONCE,
        )
    )
    (call,) = said.calls
    assert call.name == "lamp"
    assert json.loads(call.arguments)["state"] in ("on", "off")


async def test_a_call_and_its_result_are_part_of_the_next_prompt(brain: Brain) -> None:
    context = talk("Light, please.")
    call = llm.FunctionCall(call_id="1", name="lamp", arguments='{"state": "on"}')
    result = llm.FunctionCallOutput(call_id="1", name="lamp", output="It is on.", is_error=False)
    context.insert([call, result])
    model = brain.llm(max_completion_tokens=5)
    said = await read(model.chat(chat_ctx=context, tools=[lamp], conn_options=ONCE))
    assert said.usage is not None
    assert brain.reports[0].finish_reason in ("length", "sentence", "stop")


class Booking(pydantic.BaseModel):
    """A room."""

    kind: Literal["single", "double"]
    breakfast: bool


async def test_a_reply_of_a_shape(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=200)
    said = await read(
        model.chat(chat_ctx=talk("A room."), response_format=Booking, conn_options=ONCE)
    )
    Booking.model_validate_json(said.text)


@pytest.mark.parametrize("constraint", [{"choice": ["yes", "no"]}, {"regex": "(yes|no)"}])
async def test_a_reply_of_a_choice(brain: Brain, constraint: dict[str, Any]) -> None:
    model = brain.llm(max_completion_tokens=20)
    said = await read(
        model.chat(
            chat_ctx=talk("Is there a room?"), structured_outputs=constraint, conn_options=ONCE
        )
    )
    assert said.text in ("yes", "no")
