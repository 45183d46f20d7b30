"""What a call and a page bring: metadata, attributes, typed lines, a history to go on with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from livekit.agents.llm import ChatContext, FunctionCall, FunctionCallOutput
from livekit.plugins.turn_taking.conduct.typed import LONGEST, _together, read_line

from agent import settings
from agent.definition.choice import Agents, Assignment
from agent.language import language_of
from agent.languages import LANGUAGES
from agent.recovery import continuation
from agent.visitor import LONGEST_NAME, Visitor, plain

from .strategies import JSON, TEXT, nearly, objects, written

AGENTS = Agents(settings.load("cpu"))


@given(written(objects("agent", "variables", "voice") | JSON))
def test_what_a_call_asks_for(metadata: str) -> None:
    taken = AGENTS.take(Assignment.from_metadata(metadata))
    assert taken.key in AGENTS.all()


@given(written(nearly({"visitor": {"name": "Anna", "id": "a-1"}})))
def test_who_signed_in(metadata: str) -> None:
    visitor = Visitor.from_metadata(metadata)
    if visitor is None:
        return
    told = visitor.spoken
    assert not set(told) & set("<>[]{}|\n\r\t:")
    told.encode()
    shown = plain(visitor.name)
    assert len(shown) <= LONGEST_NAME
    shown.encode()
    assert Visitor.from_metadata(visitor.metadata()) == visitor


@given(st.dictionaries(st.just(settings.LANGUAGE_ATTRIBUTE) | TEXT, TEXT))
def test_the_attributes_of_a_participant(attributes: dict[str, str]) -> None:
    participant: Any = SimpleNamespace(attributes=attributes)
    assert language_of(participant) in (None, *LANGUAGES)


class Parts:
    """A text that arrives in parts."""

    def __init__(self, parts: Sequence[str]) -> None:
        self._parts = parts
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[str]:
        for part in self._parts:
            yield part

    def close(self) -> None:
        self.closed = True


@given(st.lists(st.lists(TEXT | st.just("a" * 3_000), max_size=4), max_size=5))
async def test_lines_that_are_typed(lines: list[list[str]]) -> None:
    read = []
    for parts in lines:
        line = Parts(parts)
        read.append(await read_line(line))
        assert line.closed
        assert "".join(parts).startswith(read[-1])
    assert all(len(line) <= LONGEST for line in read)
    assert len(_together(read)) <= LONGEST


def _history() -> Any:
    said = ChatContext.empty()
    said.add_message(role="user", content="What is the time?")
    said.items.append(FunctionCall(call_id="c", name="get_time", arguments="{}"))
    said.items.append(FunctionCallOutput(call_id="c", name="get_time", output="2", is_error=False))
    said.add_message(role="assistant", content=["It is two."])
    return said.to_dict(exclude_timestamp=False, exclude_metrics=True, exclude_config_update=True)


@given(written(nearly(_history()) | objects("items")))
def test_a_history_that_is_gone_on_with(history: str) -> None:
    found = continuation.read(history)
    if found is None:
        return
    assert found.apology in ("cut_off", "go_on")
    assert found.language() in LANGUAGES
    continuation.written(found.said.items).encode()
