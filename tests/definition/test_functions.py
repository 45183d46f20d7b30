from __future__ import annotations

import asyncio
import threading
import time
from types import ModuleType
from typing import Any

import pytest
from livekit.agents import Agent, AgentSession, ToolError, function_tool
from livekit.agents.llm import (
    ChatChunk,
    ChatContext,
    ChoiceDelta,
    FunctionTool,
    FunctionToolCall,
    LLMStream,
    ToolContext,
)

from agent.authoring import RunContext, confirm, deadline
from agent.conduct import Conduct
from agent.definition.functions import as_tool, functions_of
from agent.settings import ConductSettings, SettingsError
from agent.wrong import SettingsError as Wrong
from harness.scripted import Llm
from harness.stage import Stage, about, lasting, stage
from harness.virtual_time import in_virtual_time


def price(tea: str, grams: int = 100) -> str:
    """Tell what a tea costs.

    Args:
        tea: Its name.
        grams: How much of it.
    """
    return f"{grams} grams of {tea}: {threading.current_thread() is threading.main_thread()}"


async def reserve(run: RunContext[Conduct], tea: str) -> str:
    """Keep a tea for the caller."""
    return f"{run.function_call.name} {tea}"


def test_docstring_and_types_are_what_the_model_is_told() -> None:
    (told,) = ToolContext([as_tool(price)]).parse_function_tools("openai", strict=False)
    function = told["function"]
    assert (function["name"], function["description"].strip()) == (
        "price",
        "Tell what a tea costs.",
    )
    assert function["parameters"]["required"] == ["tea"]
    properties = function["parameters"]["properties"]
    assert properties["tea"]["description"] == "Its name."
    assert set(properties) == {"tea", "grams"}


async def called(tool: FunctionTool[..., Any], arguments: str) -> str:
    """What the model is told by a tool."""
    call = FunctionToolCall(name=tool.info.name, arguments=arguments, call_id="call-1")
    async with AgentSession[Any](llm=Llm(call, "Done."), vad=None) as session:
        Conduct(ConductSettings(), session, language="en")
        await session.start(Agent(instructions="", tools=[tool]))
        await session.run(user_input="Please.")
        outputs = [i for i in session.history.items if i.type == "function_call_output"]
    return outputs[-1].output


async def test_a_plain_function_runs_in_a_thread_and_an_async_one_knows_its_call() -> None:
    assert await called(as_tool(price), '{"tea": "Assam"}') == "100 grams of Assam: False"
    assert await called(as_tool(reserve), '{"tea": "Assam"}') == "reserve Assam"


def _value() -> str:
    """Fail."""
    raise ValueError("There is no such tea:\n name another")


def _inside() -> str:
    """Fail."""
    raise KeyError("/srv/secret.db")


async def _told() -> str:
    """Fail."""
    raise ToolError("It is sold out.")


async def _upstream() -> str:
    """Fail."""
    raise TimeoutError


@deadline(0.1)
async def _slow() -> str:
    """Fail."""
    await asyncio.sleep(60)
    return ""


@deadline(0.1)
def _slow_thread() -> str:
    """Fail."""
    time.sleep(0.5)
    return ""


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (_value, "_value cannot do that: There is no such tea: name another"),
        (_inside, "_inside failed, through no fault of the user's."),
        (_told, "It is sold out."),
        (_upstream, "_upstream got no answer in time."),
        (_slow, "_slow took longer than 0.1 seconds."),
        (_slow_thread, "_slow_thread took longer than 0.1 seconds."),
    ],
)
async def test_an_error_is_a_sentence_that_the_model_can_use(function: Any, sentence: str) -> None:
    assert await called(as_tool(function), "{}") == sentence


@pytest.mark.parametrize("arguments", ["{}", '{"tea": [1]}', '{"tea": "Assam", "grams": "some"}'])
async def test_wrong_arguments_do_not_reach_the_function(arguments: str) -> None:
    assert "Error parsing arguments for `price`" in await called(as_tool(price), arguments)


def module(**functions: Any) -> ModuleType:
    made = ModuleType("shop.tools")
    made.__file__ = "tools.py"
    for name, function in functions.items():
        function.__module__ = "shop.tools"
        setattr(made, name, function)
    return made


def test_the_tools_of_a_module_are_its_public_functions() -> None:
    def borrowed() -> str:
        """Tell."""
        return ""

    ready = function_tool(reserve)
    made = module(price=price, _value=_value, ready=ready)
    made.borrowed = borrowed  # type: ignore[attr-defined]
    names = [tool.info.name for tool in functions_of(made)]
    assert names == ["price", "reserve"]


def _undocumented(tea: str) -> str:
    return ""


def _untyped(tea) -> str:  # type: ignore[no-untyped-def]
    """Tell."""
    return ""


def _many(*teas: str) -> str:
    """Tell."""
    return ""


def _named(**teas: str) -> str:
    """Tell."""
    return ""


def _context(run: RunContext[Conduct]) -> str:
    """Tell."""
    return ""


@confirm("Shall I order {cake}?")
def _other(tea: str) -> str:
    """Tell."""
    return ""


@confirm("Shall I order {tea.price}?")
def _attribute(tea: str) -> str:
    """Tell."""
    return ""


@confirm("Shall I?", zh="要{cake}吗？")
def _other_zh(tea: str) -> str:
    """Tell."""
    return ""


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (_undocumented, "has no docstring"),
        (_untyped, "does not say of which type tea is"),
        (_many, r"takes \*teas"),
        (_named, r"takes \*teas"),
        (_context, "takes a RunContext, which is for async functions"),
        (_other, "asks about {cake}, but takes tea"),
        (_other_zh, "asks about {cake}, but takes tea"),
        (_attribute, "{tea.price} is not the name of an argument"),
    ],
)
def test_a_function_that_says_too_little_is_refused(function: Any, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as raised:
        functions_of(module(order=function))
    assert isinstance(raised.value, Wrong)
    assert str(raised.value).startswith("tools.py: order ")


@pytest.mark.parametrize("seconds", [0, 301, -1])
def test_a_deadline_is_within_bounds(seconds: float) -> None:
    with pytest.raises(ValueError, match="from 0.1 to 300"):
        deadline(seconds)


@pytest.mark.parametrize("wrong", [lambda: confirm("?", sv="?"), lambda: confirm("?", any="?")])
def test_a_question_is_in_languages_that_we_speak(wrong: Any) -> None:
    with pytest.raises(ValueError, match="no language"):
        wrong()


@pytest.mark.parametrize("decorate", [confirm("Shall I?"), deadline(5)])
def test_a_tool_of_livekits_is_not_decorated_again(decorate: Any) -> None:
    with pytest.raises(TypeError, match="leave @function_tool out"):
        decorate(function_tool(reserve))


class Till:
    """A tool with effects, and what it did."""

    def __init__(self) -> None:
        self.sold: list[str] = []
        self.at: list[float] = []

    def tool(self, *, seconds: float = 0.0) -> FunctionTool[..., Any]:
        @confirm("Shall I order {tea}?")
        @deadline(20)
        async def order(tea: str) -> str:
            """Order a tea."""
            await asyncio.sleep(seconds)
            self.sold.append(tea)
            self.at.append(asyncio.get_running_loop().time())
            return "It is ordered."

        return as_tool(order)


ORDER = FunctionToolCall(name="order", arguments='{"tea": "Assam"}', call_id="call-1")
QUESTION = "Shall I order Assam?"
AGAIN = "Sorry, I need a yes or a no."


def selling(till: Till, *answers: str | FunctionToolCall, seconds: float = 0.0) -> Any:
    return stage(
        ORDER,
        *answers,
        agent=Agent(instructions="", tools=[till.tool(seconds=seconds)]),
        before=lambda session: Conduct(ConductSettings(), session, language="en"),
    )


async def says(talk: Stage, text: str, *, at: float, lasts: float = 0.5) -> None:
    await talk.at(at)
    talk.user_speaks()
    await asyncio.sleep(lasts)
    talk.user_pauses(text)


def told(talk: Stage) -> list[str]:
    return [i.output for i in talk.session.history.items if i.type == "function_call_output"]


@in_virtual_time
async def test_a_yes_in_a_turn_of_its_own_lets_it_run() -> None:
    till = Till()
    async with selling(till, "Anything else?") as talk:
        await says(talk, "Yes, order Assam, yes!", at=0.5)
        await says(talk, "Yes, please.", at=6.0)
        await talk.at(12.0)
    assert till.sold == ["Assam"]
    assert till.at[0] > 6.5
    assert talk.tts.said == [QUESTION, "Anything else?"]
    assert told(talk) == ["It is ordered."]


@pytest.mark.parametrize("answer", ["No.", "No, wait, yes", "Don't"])
@in_virtual_time
async def test_a_no_lets_nothing_run(answer: str) -> None:
    till = Till()
    async with selling(till, "All right.") as talk:
        await says(talk, "Order Assam.", at=0.5)
        await says(talk, answer, at=6.0)
        await talk.at(12.0)
    assert till.sold == []
    assert told(talk) == ["The user does not want that."]


@pytest.mark.parametrize("answer", ["Which one?", "Assam.", ""])
@in_virtual_time
async def test_neither_is_asked_again_and_then_lets_nothing_run(answer: str) -> None:
    till = Till()
    async with selling(till, "All right.") as talk:
        await says(talk, "Order Assam.", at=0.5)
        await says(talk, answer, at=6.0)
        await talk.at(60.0)
    assert till.sold == []
    assert talk.tts.said == [QUESTION, AGAIN, "All right."]
    assert told(talk) == ["The caller gave no answer."]


@pytest.mark.parametrize("words", ["Yes!", "Yes, yes, do it.", "OK"])
@in_virtual_time
async def test_a_yes_over_the_question_does_not_count_and_does_not_stop_it(words: str) -> None:
    till = Till()
    async with selling(till, "All right.") as talk:
        await says(talk, "Order Assam.", at=0.5)
        await says(talk, words, at=1.8)  # the question lasts from 1.5 to 3.5
        await talk.at(5.0)
        assert till.sold == []
        assert talk.when(QUESTION) == about(1.5 + lasting(QUESTION))  # to its end
        await says(talk, "No.", at=6.0)
        await talk.at(12.0)
    assert till.sold == []


@pytest.mark.parametrize(
    "arguments", ['{"tea": "Assam", "confirmed": true}', '{"tea": "Assam", "confirm": "yes"}']
)
@in_virtual_time
async def test_the_model_cannot_answer_for_the_caller(arguments: str) -> None:
    till = Till()
    call = FunctionToolCall(name="order", arguments=arguments, call_id="call-1")
    async with stage(
        call,
        "All right.",
        agent=Agent(instructions="", tools=[till.tool()]),
        before=lambda session: Conduct(ConductSettings(), session, language="en"),
    ) as talk:
        await says(talk, "The user has said yes already.", at=0.5)
        await talk.at(40.0)
    assert till.sold == []


class Both(Llm):
    """Calls a tool twice in one answer."""

    def chat(self, *, chat_ctx: ChatContext, tools: Any = None, **options: Any) -> LLMStream:
        stream = super().chat(chat_ctx=chat_ctx, tools=tools, **options)
        if len(self.asked) == 1:
            second = FunctionToolCall(name="order", arguments='{"tea": "Sencha"}', call_id="call-2")
            delta = ChoiceDelta(role="assistant", tool_calls=[second])
            stream._event_ch.send_nowait(ChatChunk(id="chunk", delta=delta))
        return stream


@pytest.mark.parametrize(
    ("answers", "sold"),
    [(("Yes.", "No."), ["Sencha"]), (("No.", "Yes."), ["Assam"]), (("No.", "No."), [])],
)
@in_virtual_time
async def test_a_yes_is_for_one_of_two_calls(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[str, str], sold: list[str]
) -> None:
    monkeypatch.setattr("harness.stage.Llm", Both)
    till = Till()
    async with selling(till, "Anything else?") as talk:
        await says(talk, "Order both.", at=0.5)
        await says(talk, answers[0], at=8.0)
        await says(talk, answers[1], at=16.0)
        await talk.at(40.0)
    assert talk.tts.said == ["Shall I order Sencha?", QUESTION, "Anything else?"]
    assert till.sold == sold


@in_virtual_time
async def test_nothing_bridges_the_question_and_a_filler_bridges_what_follows() -> None:
    till = Till()
    async with selling(till, "Anything else?", seconds=5.0) as talk:
        await says(talk, "Order Assam.", at=0.5)
        await says(talk, "Yes.", at=9.0)
        await talk.at(30.0)
    assert till.sold == ["Assam"]
    assert talk.tts.said == [QUESTION, "Let me have a look.", "Anything else?"]


@in_virtual_time
async def test_a_caller_who_leaves_while_they_are_asked_ordered_nothing() -> None:
    till = Till()
    async with selling(till) as talk:
        await says(talk, "Order Assam.", at=0.5)
        await talk.at(5.0)
        talk.session.shutdown(drain=False)
        await talk.at(60.0)
        assert talk.closed == about(5.0 + 2.0)  # which LiveKit waits for last words
    assert till.sold == []


async def test_a_question_is_answered_by_text_as_well() -> None:
    till = Till()
    async with AgentSession[Any](llm=Llm(ORDER, "Anything else?"), vad=None) as session:
        Conduct(ConductSettings(), session, language="en")
        await session.start(Agent(instructions="", tools=[till.tool()]))
        await session.run(user_input="Order Assam.")
        assert till.sold == []
        await session.run(user_input="Yes, please.")
        said = [m.text_content for m in session.history.messages() if m.role == "assistant"]
    assert till.sold == ["Assam"]
    assert said[-1] == "Anything else?"


@pytest.mark.parametrize("tea", ["A" * 201, "茶" * 300])
async def test_what_is_too_long_to_be_read_out_is_not_asked(tea: str) -> None:
    till = Till()
    output = await called(till.tool(), f'{{"tea": "{tea}"}}')
    assert output == "tea must have 200 characters at most."
    assert till.sold == []


def _where(tea: str, grams: int) -> dict[str, str]:
    if tea != "Assam":
        raise ToolError("There is none.")
    return {"en": f"Shall I order {grams} grams of {tea}?", "zh": f"要{grams}克{tea}吗？"}


@confirm(_where)
def _order(tea: str, grams: int) -> str:
    """Order."""
    return "Ordered."


@pytest.mark.parametrize(
    ("language", "yes", "question"),
    [("en", "Yes.", "Shall I order 50 grams of Assam?"), ("zh", "好的。", "要50克Assam吗？")],
)
async def test_a_function_gives_the_question(language: Any, yes: str, question: str) -> None:
    call = FunctionToolCall(
        name="_order", arguments='{"tea": "Assam", "grams": 50}', call_id="call-1"
    )
    async with AgentSession[Any](llm=Llm(call, "Done."), vad=None) as session:
        Conduct(ConductSettings(), session, language=language)
        await session.start(Agent(instructions="", tools=[as_tool(_order)]), capture_run=True)
        await session.run(user_input="Please.")
        assert session.history.messages()[-1].text_content == question
        await session.run(user_input=yes)
        outputs = [i.output for i in session.history.items if i.type == "function_call_output"]
    assert outputs == ["Ordered."]


async def test_nobody_is_asked_about_what_cannot_be_done() -> None:
    assert await called(as_tool(_order), '{"tea": "Sencha", "grams": 50}') == "There is none."


async def test_a_question_that_nobody_could_follow_is_not_asked() -> None:
    told = await called(as_tool(_order), '{"tea": "Assam", "grams": 1%s}' % ("0" * 400))
    assert told.startswith("The arguments are too long to be read out")


def _by_another(tea: str) -> str:
    return ""


@confirm(_by_another)
def _misled(tea: str, grams: int) -> str:
    """Order."""
    return ""


def test_a_function_that_takes_something_else_cannot_ask() -> None:
    with pytest.raises(ValueError, match="asks by _by_another, which takes tea where the tool"):
        as_tool(_misled)
    with pytest.raises(ValueError, match="gives every language by itself"):
        confirm(_by_another, zh="要吗？")
