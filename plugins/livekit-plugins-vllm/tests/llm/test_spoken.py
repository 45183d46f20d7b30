"""What is spoken of what a model writes."""

from __future__ import annotations

import pytest
from livekit.plugins.vllm._llm.dialects import SpeechFilter
from livekit.plugins.vllm._llm.spoken import SentenceLimit


def limited(pieces: list[str], limit: int, *, cut_off: bool) -> tuple[str, bool]:
    filter = SentenceLimit(limit)
    out = ""
    for index, piece in enumerate(pieces):
        out += filter.feed(piece, index + 1)
    return out + filter.finish(cut_off=cut_off), filter.reached


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_nothing_is_lost_below_the_limit(size: int) -> None:
    text = 'Pi is 3.14. "Really?" he asked… 是的。好！ See http://x.org/a.b\nEnd'
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert limited(pieces, 1000, cut_off=False) == (text, False)


def test_text_passes_at_once_below_the_limit() -> None:
    filter = SentenceLimit(100)
    assert filter.feed("Hel", 1) == "Hel"
    assert filter.feed("lo. Wor", 2) == "lo. Wor"


def test_chinese_ends_at_its_own_stops() -> None:
    pieces = ["一。", "二。", "三。", "四，", "五。", "六。"]
    assert limited(pieces, 5, cut_off=False) == ("一。二。三。四，五。", True)


def test_an_end_between_chunks_is_seen() -> None:
    pieces = ["One. ", "Two. ", "Three. ", "Four", ".", " Five", ". "]
    assert limited(pieces, 5, cut_off=False) == ("One. Two. Three. Four.", True)


def test_an_only_sentence_is_said_even_if_cut() -> None:
    pieces = ["Once ", "upon ", "a ", "time ", "there "]
    assert limited(pieces, 5, cut_off=True) == ("Once upon a time there ", False)


def test_a_last_sentence_that_is_whole_is_said() -> None:
    assert limited(["One. ", "Two. ", "Three. ", "Four", "."], 5, cut_off=True)[0].endswith("Four.")


def test_a_sentence_said_a_third_time_is_the_last() -> None:
    said, reached = limited(["我不太明白你的意思。"] * 9, 1000, cut_off=False)
    assert (said, reached) == ("我不太明白你的意思。" * 3, True)


def test_short_repetitions_may_be_meant() -> None:
    assert limited(["No. "] * 9, 1000, cut_off=False) == ("No. " * 9, False)


def test_thoughts_are_left_out_wherever_the_chunks_end() -> None:
    text = "<think>Hm, <b>what</b>?</think>\n\n2 < 3 </b> <think>again</think>!"
    for size in range(1, 12):
        filter = SpeechFilter()
        out = "".join(filter.feed(text[i : i + size]) for i in range(0, len(text), size))
        assert out + filter.finish(cut_off=False) == "\n\n2 < 3 </b> !"


def test_an_open_thought_that_never_ends_was_speech() -> None:
    filter = SpeechFilter(open=True)
    assert filter.feed("Hello there.") == ""
    assert filter.finish(cut_off=False) == "Hello there."


def test_an_open_thought_cut_by_the_limit_was_none() -> None:
    filter = SpeechFilter(open=True)
    assert filter.feed("The user says") == ""
    assert filter.finish(cut_off=True) == ""


@pytest.mark.parametrize(
    "ending",
    ["Ask Dr. Smith today.", "Come at 5 p.m. on Friday.", "Call Mrs. Jones, e.g. at noon."],
)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_reply_never_ends_after_an_abbreviation(ending: str, size: int) -> None:
    text = f"One. Two. {ending} Never said."
    limit = SentenceLimit(10)
    out = ""
    for at in range(0, len(text), size):
        # The soft limit is passed inside the last sentence that is said.
        out += limit.feed(text[at : at + size], 2 if at < 12 else 9)
        if limit.reached:
            break
    assert (out + limit.finish(cut_off=True)).strip() == f"One. Two. {ending}"
