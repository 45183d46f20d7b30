from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable

from livekit.agents.types import TimedString
from livekit.plugins.turn_taking.playback.spoken_text import SpokenText, Unheard


class LateWord(TimedString):
    """A word of a TTS that says for how long it was dry."""

    dry: float = 0.0


async def stream(pieces: Iterable[str]) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece


def timed(text: str, seconds: float = 0.5) -> list[str]:
    words = [f"{word} " for word in text.split()]
    return [
        TimedString(word, start_time=i * seconds, end_time=(i + 1) * seconds)
        for i, word in enumerate(words)
    ]


async def played(text: SpokenText, written: str, shown: str | None = None) -> None:
    async for _ in text.write(stream([written])):
        pass
    async for _ in text.play(stream(timed(shown or written))):
        pass


async def test_a_word_counts_as_heard_once_all_of_it_was() -> None:
    text = SpokenText()
    await played(text, "One two three four.")
    assert text.heard(0.45) == ""
    assert text.heard(0.5) == "One "
    assert text.heard(1.3) == "One two "
    assert text.heard(9.0) == "One two three four. "


async def test_a_word_whose_end_was_rounded_away_was_heard() -> None:
    text = SpokenText()
    await played(text, "Sure, one.")
    assert text.heard(0.48) == "Sure, "
    assert text.heard(0.46) == ""


async def test_a_word_behind_a_hole_is_heard_when_it_is_played() -> None:
    text = SpokenText()
    words = [
        LateWord("One ", start_time=0.0, end_time=0.5),
        LateWord("two", start_time=1.5, end_time=2.0),
    ]
    words[1].dry = 1.0
    async for _ in text.play(stream(words)):
        pass
    assert text.heard(0.96) == "One "
    assert text.heard(1.0) == "One two"


async def test_the_rest_begins_with_the_word_that_was_cut() -> None:
    text = SpokenText()
    await played(text, "One two three four.")
    assert text.unheard("One two ") == Unheard("three four.", complete=True)
    assert text.unheard("") == Unheard("One two three four.", complete=True)


async def test_the_rest_is_found_behind_markup_and_spaces_that_are_not_shown() -> None:
    text = SpokenText()
    await played(text, "<style warm>好的。</style>博物馆  九点开门。", "好的。 博物馆")
    assert text.unheard("好的。 博物馆 ") == Unheard("九点开门。", complete=True)


async def test_the_rest_is_of_the_part_that_is_played_and_of_those_after_it() -> None:
    text = SpokenText()
    await played(text, "One two three.")
    async for _ in text.write(stream(["Four five."])):
        pass
    assert text.unheard("Six ") is None
    # The next is a part of the same reply, or it would not be written yet.
    assert text.unheard("One ") == Unheard("two three. Four five.", complete=True)


async def test_a_reply_that_was_not_written_to_its_end_is_not_complete() -> None:
    text = SpokenText()
    async with contextlib.aclosing(text.write(stream(["One two ", "three."]))) as writing:
        await anext(writing)
    assert text.unheard("One ") == Unheard("two", complete=False)


async def test_words_without_times_tell_nothing_of_what_was_heard() -> None:
    text = SpokenText()
    async for _ in text.play(stream(["One ", "two "])):
        pass
    assert text.heard(5.0) is None


async def test_the_words_around_a_moment_are_those_an_echo_can_have() -> None:
    text = SpokenText()
    await played(text, " ".join(f"w{i}" for i in range(40)))
    around = text.around(10.0)
    assert around[0] == "w8"
    assert around[-1] == "w21"


async def test_the_last_words_of_a_reply_are_known_for_a_while_after_it() -> None:
    now = 10.0
    text = SpokenText(clock=lambda: now)
    await played(text, "A b c d e f g h i j k l m n o p.")
    text.ends(8.0)
    assert text.around(None)[-3:] == ("n", "o", "p")
    now += 6.1
    assert text.around(None) == ()


async def test_words_aside_are_known_while_they_are_said_and_for_a_while_after() -> None:
    now = 10.0
    text = SpokenText(clock=lambda: now)
    text.aside("请稍等。", 1.0)
    await played(text, "One two.")
    assert text.around(0.0)[:3] == ("请", "稍", "等")
    now += 6.9
    assert text.around(0.0)[:3] == ("请", "稍", "等")
    now += 0.2
    assert "请" not in text.around(0.0)
