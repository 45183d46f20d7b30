"""Typed lines: none lost, none answered twice, none out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from livekit.agents import AgentSession
from livekit.plugins.turn_taking.conduct.typed import LONGEST, TypedLines, read_line

from harness.stage import Stage, lasting, stage
from harness.virtual_time import in_virtual_time


def typing(found: list[TypedLines]) -> Callable[[AgentSession[Any]], None]:
    def attach(session: AgentSession[Any]) -> None:
        found.append(TypedLines(session))

    return attach


async def after(seconds: float, text: str | None) -> str | None:
    """A line that takes so long to arrive."""
    await asyncio.sleep(seconds)
    return text


def users(talk: Stage) -> str:
    """All that the user said."""
    return "\n".join(words[2:] for words in talk.words if words.startswith("> "))


def answers(talk: Stage) -> list[str]:
    """All that the agent said."""
    return [words for words in talk.words if not words.startswith("> ")]


LONG = "This is a notice that you have to hear to its very end."


@in_virtual_time
async def test_a_line_is_answered() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        found[0].add("anna", after(0.0, "Hello there"))
        await asyncio.sleep(5.0)
        assert talk.words == ["> Hello there", "Good."]
        await found[0].aclose()
        await found[0].aclose()


@in_virtual_time
async def test_a_line_stops_what_the_agent_says() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        talk.session.say(LONG)
        await asyncio.sleep(1.0)
        found[0].add("anna", after(0.0, "Stop"))
        await asyncio.sleep(3.0)
        assert talk.words[-2:] == ["> Stop", "Good."]
        assert LONG not in talk.words
        await found[0].aclose()


@pytest.mark.parametrize("lines", [["One"], ["One", "Two", "Three"]])
@in_virtual_time
async def test_what_may_not_be_interrupted_is_heard_out_first(lines: list[str]) -> None:
    found: list[TypedLines] = []
    async with stage("Good.", "Bad.", "Worse.", before=typing(found)) as talk:
        talk.session.say(LONG, allow_interruptions=False)
        await asyncio.sleep(1.0)
        for line in lines:
            found[0].add("anna", after(0.0, line))
            await asyncio.sleep(0.5)
        await asyncio.sleep(lasting(LONG) + 5.0)
        assert talk.words == [LONG, "> " + "\n".join(lines), "Good."]
        await found[0].aclose()


@in_virtual_time
async def test_two_notices_in_a_row_are_both_heard_out() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        talk.session.say(LONG, allow_interruptions=False)
        talk.session.say(LONG, allow_interruptions=False)
        await asyncio.sleep(1.0)
        found[0].add("anna", after(0.0, "One"))
        await asyncio.sleep(2 * lasting(LONG) + 5.0)
        assert talk.words == [LONG, "> One", LONG, "Good."]
        await found[0].aclose()


@pytest.mark.parametrize("blank", ["", " ", "\n\n", "\t", None])
@in_virtual_time
async def test_a_blank_line_stops_nothing_and_asks_nothing(blank: str | None) -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        talk.session.say(LONG)
        await asyncio.sleep(1.0)
        found[0].add("anna", after(0.0, blank))
        await asyncio.sleep(lasting(LONG) + 5.0)
        assert talk.words == [LONG]
        await found[0].aclose()


@in_virtual_time
async def test_five_lines_at_once_are_one_question_in_their_order() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", "Bad.", "Worse.", before=typing(found)) as talk:
        # The later ones are read first.
        for number in range(5):
            found[0].add("anna", after(0.04 - number / 100, f"Line {number}"))
        await asyncio.sleep(10.0)
        assert users(talk).split("\n") == [f"Line {number}" for number in range(5)]
        assert answers(talk) == ["Good."]
        await found[0].aclose()


@in_virtual_time
async def test_lines_one_after_another_keep_their_order_and_only_the_last_is_answered() -> None:
    found: list[TypedLines] = []
    reply = "A long answer that nobody hears to its end, as more is typed meanwhile."
    async with stage(reply, reply, reply, "Good.", before=typing(found)) as talk:
        for number in range(4):
            found[0].add("anna", after(0.0, f"Line {number}"))
            await asyncio.sleep(0.4)
        await asyncio.sleep(10.0)
        assert users(talk).split("\n") == [f"Line {number}" for number in range(4)]
        assert answers(talk)[-1] == "Good."
        assert reply not in talk.words
        await found[0].aclose()


@in_virtual_time
async def test_two_people_who_type_at_once_are_both_answered() -> None:
    turned: list[str] = []
    found: list[TypedLines] = []

    def attach(session: AgentSession[Any]) -> None:
        found.append(TypedLines(session, turned.append))

    async with stage("Good.", "Fine.", before=attach) as talk:
        found[0].add("anna", after(0.0, "From Anna"))
        found[0].add("bo", after(0.0, "From Bo"))
        await asyncio.sleep(10.0)
        assert turned == ["anna", "bo"]
        assert users(talk).split("\n") == ["From Anna", "From Bo"]
        await found[0].aclose()


@in_virtual_time
async def test_a_line_that_never_ends_holds_no_other() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        found[0].add("bo", after(3600.0, "Never"))
        found[0].add("anna", after(0.0, "Hello"))
        await asyncio.sleep(20.0)
        assert talk.words == ["> Hello", "Good."]
        await found[0].aclose()


async def broken(error: BaseException) -> str | None:
    """A line whose reading fails."""
    raise error


@pytest.mark.parametrize("error", [ConnectionError("gone"), asyncio.CancelledError()])
@pytest.mark.parametrize("at", [0, 1, 2])
@in_virtual_time
async def test_a_line_that_cannot_be_read_takes_no_other_along(
    error: BaseException, at: int
) -> None:
    found: list[TypedLines] = []
    async with stage("Good.", "Fine.", before=typing(found)) as talk:
        lines = [after(0.0, "One"), after(0.0, "Two")]
        lines.insert(at, broken(error))
        for line in lines:
            found[0].add("anna", line)
        await asyncio.sleep(5.0)
        assert talk.words == ["> One\nTwo", "Good."]
        found[0].add("anna", after(0.0, "Three"))
        await asyncio.sleep(5.0)
        assert talk.words[-2:] == ["> Three", "Fine."]
        await found[0].aclose()


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff", "\u200e \u200f", "\u2060\n", "\x00"])
@in_virtual_time
async def test_a_line_of_nothing_that_can_be_seen_asks_nothing(unseen: str) -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        talk.session.say(LONG)
        await asyncio.sleep(1.0)
        found[0].add("anna", after(0.0, unseen))
        await asyncio.sleep(lasting(LONG) + 5.0)
        assert talk.words == [LONG]
        await found[0].aclose()


@pytest.mark.parametrize("line", ["?", "👍", "❤️", "1", "…", "👨‍👩‍👧"])
@in_virtual_time
async def test_a_sign_alone_is_a_line(line: str) -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        found[0].add("anna", after(0.0, line))
        await asyncio.sleep(5.0)
        assert talk.words == [f"> {line}", "Good."]
        await found[0].aclose()


@in_virtual_time
async def test_a_notice_that_begins_as_a_line_is_to_stop_the_agent_is_heard_out() -> None:
    found: list[TypedLines] = []

    def attach(session: AgentSession[Any]) -> None:
        # Between the look at what is said and its end, as another task may.
        begun: list[str] = []

        def turn_to(identity: str) -> None:
            if not begun:
                begun.append(identity)
                session.say(LONG, allow_interruptions=False)

        found.append(TypedLines(session, turn_to))

    async with stage("Good.", before=attach) as talk:
        found[0].add("anna", after(0.0, "One"))
        await asyncio.sleep(lasting(LONG) + 6.0)
        assert LONG in talk.words
        assert users(talk) == "One"
        assert "Good." in talk.words
        await found[0].aclose()


def parts(text: str, size: int) -> Iterator[str]:
    """A text in pieces, counted as they are taken."""
    for at in range(0, len(text), size):
        yield text[at : at + size]


class Stream:
    """A text stream of LiveKit's, of any length."""

    def __init__(self, text: str, size: int = 100) -> None:
        self._parts = parts(text, size)
        self.taken, self.closed = 0, False

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> str:
        part = next(self._parts, None)
        if part is None:
            raise StopAsyncIteration
        self.taken += len(part)
        return part

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("length", [0, 1, LONGEST - 1, LONGEST, LONGEST + 1, 5_000_000])
@pytest.mark.parametrize("size", [1000, 15_000])
async def test_no_more_of_a_line_is_read_than_is_answered(length: int, size: int) -> None:
    stream = Stream("x" * length, size)
    text = await read_line(stream)
    assert len(text) == min(length, LONGEST)
    assert stream.taken <= LONGEST + size
    assert stream.closed


async def test_a_line_that_breaks_off_is_closed() -> None:
    stream = Stream("x" * 300)

    async def fails() -> str:
        raise ConnectionError

    stream.__class__ = type("Broken", (Stream,), {"__anext__": lambda _: fails()})
    with pytest.raises(ConnectionError):
        await read_line(stream)
    assert stream.closed


@in_virtual_time
async def test_many_long_lines_are_one_prompt_of_bounded_length() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", "Fine.", before=typing(found)) as talk:
        kept = 0
        for number in range(200):
            if found[0].takes("anna"):
                kept += 1
                found[0].add("anna", after(0.0, f"{number} " + "x" * 500))
        assert kept == 20
        assert found[0].takes("bo")  # somebody else's may wait
        await asyncio.sleep(10.0)
        assert len(users(talk)) <= LONGEST
        assert users(talk).startswith("17 ")  # the latest ones
        assert answers(talk) == ["Good."]
        await found[0].aclose()


@in_virtual_time
async def test_a_line_longer_than_all_that_is_answered_stands_alone() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        found[0].add("anna", after(0.0, "First"))
        found[0].add("anna", after(0.0, "y" * LONGEST))
        await asyncio.sleep(5.0)
        assert users(talk) == "y" * LONGEST
        await found[0].aclose()


@in_virtual_time
async def test_who_types_without_end_is_answered_now_and_then() -> None:
    found: list[TypedLines] = []
    async with stage(*(["Good."] * 60), before=typing(found)) as talk:
        began = asyncio.get_running_loop().time()
        for number in range(100):  # five a second
            if found[0].takes("anna"):
                found[0].add("anna", after(0.0, f"Line {number}"))
            await asyncio.sleep(0.2)
        lasted = asyncio.get_running_loop().time() - began
        asked = [words for words in talk.words if words.startswith("> ")]
        assert 5 <= len(asked) <= 5 + lasted / 2.0 + 1
        await asyncio.sleep(10.0)
        assert users(talk).split("\n")[-1] == "Line 99"  # none of the last is lost
        await found[0].aclose()


@in_virtual_time
async def test_lines_that_never_end_hold_the_others_no_longer_than_one_would() -> None:
    found: list[TypedLines] = []
    async with stage("Good.", before=typing(found)) as talk:
        for _ in range(15):
            found[0].add("bo", after(3600.0, "Never"))
        found[0].add("anna", after(0.0, "Hello"))
        await asyncio.sleep(15.0)
        assert talk.words == ["> Hello", "Good."]
        await found[0].aclose()
