from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from agent.local import whisper
from agent.local.first_word import WithLogits
from agent.local.whisper import CERTAIN, SAID, SIMPLIFIED, Utterance, Whisper, without_echo


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("为你好那位，请用简体中文和标点记录。", "为你好那位"),  # Whisper base, by phone
        ("为你好，请你好，请用简体中文和标点记", "为你好，请你好"),
        ("请用简体中文和标点记录。", ""),
        (SIMPLIFIED, ""),
        ("请用简体中文回答。", "请用简体中文回答。"),
        ("简体中文和标点记", ""),  # of babble
        ("几段普通话对话，请用简体中文", "几"),
        ("我喜欢简体中文和标点。", "我喜欢简体中文和标点。"),
    ],
)
def test_the_prompt_is_not_taken_for_something_said(heard: str, said: str) -> None:
    assert without_echo(heard) == said


def utterance(
    text: str, seconds: float, *probabilities: float, silence: float | None = None
) -> Utterance:
    segments: Any = tuple(
        SimpleNamespace(
            text=text,
            avg_logprob=p,
            no_speech_prob=silence or 0.0,
            start=0.0,
            compression_ratio=1.0,
        )
        for p in probabilities
    )
    return Utterance("zh", seconds, segments, silence)


@pytest.mark.parametrize(
    ("text", "probabilities", "confidence"),
    [
        ("Wait a moment.", [-0.16], math.exp(-0.16)),
        ("好了好了，停一下。", [-0.5], math.exp(-0.5)),
        ("不是不是不是。", [-0.5], math.exp(-0.5)),
    ],
)
def test_a_text_is_as_probable_as_the_model_says(
    text: str, probabilities: list[float], confidence: float
) -> None:
    assert utterance(text, 1.0, *probabilities).confidence == pytest.approx(confidence)


def test_a_text_is_as_probable_as_its_worst_piece() -> None:
    assert utterance("I'm not sure.", 1.0, -0.3, -1.03).confidence == pytest.approx(math.exp(-1.03))


@pytest.mark.parametrize(("text", "segments"), [("", 0), ("", 1), ("...", 1), ("♪", 1), ("。", 1)])
def test_in_a_text_without_words_there_is_nothing_to_be_sure_of(text: str, segments: int) -> None:
    assert utterance(text, 1.0, *[-0.1] * segments).confidence == 0.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("这段普通话对话对话对话对话对话", 1.1),
        ("对话" * 14, 2.0),  # as many tokens as may be written in the time
        ("D D D D D", 0.6),
        ("I'm not sure. I'm not sure. I'm not sure. I'm not sure.", 1.1),
        ("Oh, oh, oh, oh, oh, oh, oh, oh, oh, oh", 0.8),
    ],
)
def test_a_loop_that_nobody_can_have_said_is_not_believed(text: str, seconds: float) -> None:
    assert utterance(text, seconds, -0.28).confidence == 0.001


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("no, no, no, no", 1.0),
        ("No, no, no, no, no, no!", 1.2),
        ("Wait wait wait wait.", 1.0),
        ("Nooooo", 0.8),
        ("Hmmmmmmmmmmmm", 0.8),
        ("不不不不", 0.8),
        ("好好好好", 0.8),
        ("对对对对对对对。", 1.3),
        ("不要不要不要不要", 1.2),
        ("1,000,000", 1.0),
        ("at 10,000 euros", 1.2),
        ("020 7946 0000", 1.6),
        ("零零零零", 0.8),
        ("No, no, no, no, I said the other one, the one by the river.", 2.5),
    ],
)
def test_what_a_person_says_again_and_again_is_believed(text: str, seconds: float) -> None:
    assert utterance(text, seconds, -0.28).confidence == pytest.approx(math.exp(-0.28))


# What Whisper base wrote after the prompt for Chinese, with its probability of silence.
@pytest.mark.parametrize(
    ("text", "silence"),
    [
        ("作词作曲", 0.831),  # music
        ("证判判判判判判", 0.894),  # music
        ("这一段普通话对话，请用简体中文", 0.912),  # a door
    ],
)
def test_words_in_what_is_silence_to_the_model_are_hardly_believed(
    text: str, silence: float
) -> None:
    assert utterance(text, 1.2, -0.5, silence=silence).confidence == 0.001


# What Whisper base wrote for beginnings of sentences of 0.3 to 0.4 s, and for noises.
@pytest.mark.parametrize(
    ("text", "mean", "silence", "first", "spoken"),
    [
        ("停下。", -0.66, 0.107, 0.85, True),
        ("等等!", -1.0, 0.415, 0.39, True),
        ("终于", -0.9, 0.424, 0.13, False),
        ("转转转转转转转转转转", -0.1, 0.554, 0.031, False),  # babble
        ("我的道歉。我的道歉。", -0.1, 0.76, 0.49, False),  # silence to the model
        ("Wait a moment", -0.9, None, 0.66, True),
        ("Oh", -0.5, None, 0.26, False),
        ("...", -0.1, 0.1, None, False),
    ],
)
def test_somebody_speaks_if_their_first_word_is_probable_whatever_follows_it(
    text: str, mean: float, silence: float | None, first: float | None, spoken: bool
) -> None:
    heard = replace(utterance(text, 0.7, mean, silence=silence), first=first)
    assert heard.spoken is spoken


@pytest.mark.parametrize(("mean", "spoken"), [(-0.6, True), (-0.8, False)])
def test_where_the_first_word_was_not_asked_for_the_text_as_a_whole_tells(
    mean: float, spoken: bool
) -> None:
    assert utterance("欢歌", 0.7, mean, silence=0.04).spoken is spoken


def test_a_word_that_was_written_without_the_prompt_has_to_be_as_probable_as_without_one() -> None:
    heard = replace(utterance("欢歌", 0.7, -0.9, silence=0.04), first=SAID)
    assert heard.spoken
    assert not replace(heard, prompted=False).spoken
    assert replace(heard, prompted=False, first=CERTAIN).spoken


def test_of_more_words_than_anybody_says_the_first_is_given_out_alone() -> None:
    assert utterance("请问您有什么可以帮您的吗", 0.3, -1.5).opening == "请"
    assert utterance("请问您有什么可以帮您的吗", 2.0, -0.5).opening == "请问您有什么可以帮您的吗"


def test_who_is_not_heard_at_all_does_not_speak() -> None:
    assert not utterance("", 0.7, silence=0.01).spoken


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("我要的是我要的是我要的是我要", "我要的是"),
        ("那条。那条。", "那条。"),
        ("等等!", "等等!"),  # said so
        ("等等等等等等等等", "等"),
        ("What was the? What was the?", "What was the?"),
        ("hahahahahaha", "hahahahahaha"),
        ("别说了。", "别说了。"),
        ("", ""),
    ],
)
def test_a_text_that_repeats_itself_begins_with_what_it_repeats(text: str, opening: str) -> None:
    assert utterance(text, 0.7, -0.5).opening == opening


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("等等", 0.7),
        ("No, no.", 0.7),
        ("好好好", 0.9),
        ("不要。", 0.7),
        ("11", 0.9),
        ("bye-bye", 0.8),
        ("...", 0.8),
        ("对不对", 0.9),
        ("No, no, nobody.", 0.9),
        ("对对，对不起", 1.2),
        ("请帮我叫一辆去剧院的出租车", 2.0),  # 6.5 a second, as fast as Mandarin is
    ],
)
def test_who_says_a_word_again_is_not_doubted(text: str, seconds: float) -> None:
    assert not utterance(text, seconds, -0.5).doubtful


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("那条。那条。", 0.7),  # Whisper base, at the beginning of 那条街叫什么名字
        ("What was the? What was the?", 0.8),
        ("等等等等等等等等", 0.7),
        ("点点点点点", 3.0),
        ("再见。 再见。", 1.0),
        ("hahahahahahahahaha", 0.5),
        ("dadadadadadadadadadada", 1.0),
        ("1111111111111111", 1.0),
        ("you you you you", 1.0),
        ("ㅋㅋㅋㅋㅋㅋ", 1.0),
        # The tokens that a short window is given end in the middle of it.
        ("请问你们几点关门。请问你们几点关门。请问", 1.6),
        ("Where is it? Where is it? Whe", 1.2),
        ("谢谢你谢谢你谢", 1.0),
        # They need not begin with it, nor be nothing else.
        ("现在几点了现在现在几点了现在几点了现在几点了现在", 1.6),
        ("好的谢谢观看谢谢观看谢谢观看", 1.2),
        ("So it is a it is a it is a it is a it is a", 1.0),
    ],
)
def test_a_text_that_is_there_twice_is_doubted(text: str, seconds: float) -> None:
    assert utterance(text, seconds, -0.5).doubtful


@pytest.mark.parametrize(
    ("seconds", "silence", "wordless"),
    [
        (0.7, 0.1, False),
        (1.9, None, False),
        (2.5, None, True),
        (2.5, 0.5, True),
        (2.5, 0.9, False),
    ],
)
def test_in_a_long_sound_without_a_word_there_may_be_some_unless_it_is_silence(
    seconds: float, silence: float | None, wordless: bool
) -> None:
    assert utterance("", seconds, silence=silence).wordless is wordless
    assert not utterance("Yes.", seconds, -0.5, silence=silence).wordless


class _Model(whisper._Windowed):
    """Writes the texts that it was given, one for each decode, and notes how it was asked.

    An empty text is no segment, as with the real one.
    """

    supported_languages = ("zh", "en")

    def __init__(self, *_: object, **__: object) -> None:
        self.model = WithLogits(None)
        self.texts: list[tuple[str, float]] = []
        self.asked: list[tuple[bool, bool]] = []

    def transcribe(self, _: object, **given: Any) -> tuple[Iterator[Any], Any]:
        self.asked.append((self.full, given["initial_prompt"] is not None))
        return self._segments(*self.texts.pop(0)), SimpleNamespace(language=given["language"])

    def _segments(self, text: str, silence: float) -> Iterator[Any]:
        self.generate_with_fallback(None, None, None, silence)
        if text:
            yield from utterance(text, 1.0, -0.5, silence=silence).segments


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Whisper:
    """Whisper, whose model writes what it is given."""

    def generate(_: object, _encoded: None, _prompt: None, _tokenizer: None, silence: float) -> Any:
        return (SimpleNamespace(no_speech_prob=silence, logits=[]),)

    monkeypatch.setattr("agent.local.whisper.WhisperModel.generate_with_fallback", generate)
    monkeypatch.setattr(whisper, "_Windowed", _Model)
    return Whisper(Path("model"))


def listen(
    ear: Whisper, texts: list[tuple[str, float]], *, seconds: float = 1.0, **options: Any
) -> tuple[Utterance, list[tuple[bool, bool]]]:
    """What is heard, and how the model was asked: whether fully, and with a prompt."""
    model = cast(_Model, ear._model)
    model.texts, model.asked = [*texts], []
    *_, last = ear.transcribe(np.zeros(round(seconds * 16000), np.float32), **options)
    assert last
    assert not model.texts
    return last, model.asked


TWICE = "几点关门。几点关门。"
LOOP = "对话" * 14
PROMPT, BARE, FULL = (False, True), (False, False), (True, True)


@pytest.mark.parametrize(
    ("texts", "text", "asked"),
    [
        ([("几点关门。", 0.1)], "几点关门。", [PROMPT]),
        ([(TWICE, 0.1), ("几点关门", 0.1)], "几点关门", [PROMPT, BARE]),
        ([(TWICE, 0.1), (TWICE, 0.1), ("几点关门。", 0.1)], "几点关门。", [PROMPT, BARE, FULL]),
        # Without the prompt nothing would say that nobody speaks.
        ([(TWICE, 0.9), (TWICE, 0.9)], TWICE, [PROMPT, FULL]),
        ([(LOOP, 0.7), ("", 0.8)], "", [PROMPT, FULL]),
    ],
)
def test_what_is_doubted_is_heard_again_without_the_prompt_where_somebody_speaks(
    ear: Whisper, texts: list[tuple[str, float]], text: str, asked: list[tuple[bool, bool]]
) -> None:
    heard, how = listen(ear, texts, language="zh")
    assert (heard.text, how) == (text, asked)


def test_what_is_doubted_in_another_language_is_heard_again_with_the_full_window(
    ear: Whisper,
) -> None:
    heard, how = listen(ear, [("so so so so so", 0.1), ("So?", 0.9)], language="en")
    assert (heard.text, how) == ("So?", [BARE, (True, False)])
    # Without the prompt silence tells nothing.
    assert heard.confidence == pytest.approx(math.exp(-0.5))


@pytest.mark.parametrize("loop", [LOOP, "谢谢" * 14, TWICE])
def test_a_noise_that_loops_has_no_sure_words_when_it_is_heard_again(
    ear: Whisper, loop: str
) -> None:
    for silence in (0.55, 0.65, 0.74):
        heard, how = listen(ear, [(loop, silence), ("谢谢观看", 0.9)], language="zh")
        assert how == [PROMPT, FULL]  # which tells of silence, too
        assert heard.text == "谢谢观看"
        assert heard.confidence == 0.001


@pytest.mark.parametrize("silence", [0.05, 0.4])
def test_how_silent_it_was_with_the_prompt_stands_for_what_is_heard_without(
    ear: Whisper, silence: float
) -> None:
    heard, how = listen(ear, [(TWICE, silence), ("几点关门", 0.0)], language="zh")
    assert how == [PROMPT, BARE]
    assert heard.silence == silence


@pytest.mark.parametrize(
    ("language", "silence", "asked"),
    [
        ("zh", 0.9, [PROMPT]),
        ("zh", 0.3, [PROMPT, FULL]),
        ("en", 0.9, [BARE, (True, False)]),
        ("en", 0.1, [BARE, (True, False)]),
    ],
)
def test_words_are_looked_for_in_a_long_sound_unless_it_is_silence(
    ear: Whisper, language: str, silence: float, asked: list[tuple[bool, bool]]
) -> None:
    texts = [("", silence)] * len(asked)
    heard, how = listen(ear, texts, language=language, seconds=2.5)
    assert how == asked
    assert heard.searched is (len(asked) > 1)
    for options in ({"search": False}, {"thorough": False}):
        heard, how = listen(ear, texts[:1], language=language, seconds=2.5, **options)
        assert how == asked[:1]
        assert not heard.searched


def test_words_are_looked_for_in_a_loop_of_nobodys_only_if_asked_to(ear: Whisper) -> None:
    heard, how = listen(ear, [(LOOP, 0.9), ("", 0.9)], language="zh")
    assert (heard.text, heard.searched, how) == ("", True, [PROMPT, FULL])
    heard, how = listen(ear, [(LOOP, 0.9)], language="zh", search=False)
    assert (heard.confidence, heard.searched, how) == (0.001, False, [PROMPT])
    # What somebody may have said is always heard again.
    heard, how = listen(ear, [(LOOP, 0.6), ("好", 0.1)], language="zh", search=False)
    assert (heard.text, heard.searched, how) == ("好", False, [PROMPT, FULL])


def test_a_quiet_end_of_a_long_turn_does_not_make_its_words_silence(ear: Whisper) -> None:
    class TwoWindows(_Model):
        def _segments(self, text: str, silence: float) -> Iterator[Any]:
            yield from super()._segments(text, silence)
            self.generate_with_fallback(None, None, None, 0.95)

    ear._model = TwoWindows()
    heard, _ = listen(ear, [("几点关门。", 0.1)], language="zh", seconds=40.0)
    assert heard.silence == 0.1
