"""What the guards drop, and above all what they keep."""

from __future__ import annotations

import numpy as np
import pytest
from livekit.plugins.vllm._stt.guards import (
    Segment,
    is_silence,
    suspicion,
    syllables,
    without_tags,
)


@pytest.mark.parametrize(
    ("text", "voiced"),
    [
        ("嗯", 0.15),
        ("对。", 0.2),
        ("好的好的好的", 0.9),
        ("谢谢", 0.4),
        ("谢谢大家观看这个演示，我们开始吧", 2.0),
        ("谢谢观看", 0.8),
        ("哈哈哈哈哈", 1.0),
        ("我想订阅这个频道", 1.2),
        ("请把字幕打开", 1.0),
        ("你能帮我翻译一下吗", 1.3),
        ("Yes.", 0.2),
        ("Thank you.", 0.4),
        ("Thanks for watching the kids yesterday.", 1.8),
        ("No, no, no, no, no!", 1.2),
        ("Could you turn the subtitles on?", 1.4),
        ("One two three four five six seven eight nine ten", 3.0),
        ("12345", 1.2),
        ("Ask what you can do for your country.", 1.9),
    ],
)
def test_keeps_what_people_say(text: str, voiced: float) -> None:
    assert suspicion(text, voiced=voiced) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no words"),
        ("……", "no words"),
        ("字幕由Amara.org社群提供", "subtitle credits"),
        ("字幕志愿者 李宗盛", "subtitle credits"),
        ("字幕by索兰娅", "subtitle credits"),
        ("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", "subtitle credits"),
        ("優優獨播劇場——YoYo Television Series Exclusive", "subtitle credits"),
        ("作词 李宗盛", "subtitle credits"),
        ("Subtitles by the Amara.org community", "subtitle credits"),
        ("Transcription by CastingWords", "subtitle credits"),
        ("the the the the the the the the the the the the the the the the the", "repetition"),
        ("谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢谢", "repetition"),
        ("哈哈哈哈哈哈哈哈", "repetition"),
        ("Thanks for watching!", "closing phrase without the sound for it"),
        ("谢谢观看", "closing phrase without the sound for it"),
        ("感谢您的观看", "closing phrase without the sound for it"),
    ],
)
def test_drops_what_nobody_said(text: str, reason: str) -> None:
    assert suspicion(text, voiced=0.2) == reason


def test_a_closing_phrase_the_server_doubts_is_dropped_whatever_its_length() -> None:
    doubt = [Segment("Thanks for watching!", avg_logprob=-1.3)]
    assert suspicion("Thanks for watching!", voiced=1.5, segments=doubt) is not None
    sure = [Segment("Thanks for watching!", avg_logprob=-0.3)]
    assert suspicion("Thanks for watching!", voiced=1.5, segments=sure) is None


def test_silence_by_the_servers_own_certainty() -> None:
    silent = Segment("I'll be right back.", avg_logprob=-1.2, no_speech_prob=0.8)
    spoken = Segment("Hello.", avg_logprob=-0.3, no_speech_prob=0.8)
    assert suspicion("I'll be right back.", voiced=1.0, segments=[silent]) == "no speech"
    assert suspicion("Hello.", voiced=1.0, segments=[spoken, silent]) is None
    # vLLM leaves no_speech_prob out.
    unknown = Segment("Hello.", avg_logprob=-1.2)
    assert suspicion("Hello.", voiced=1.0, segments=[unknown]) is None


def test_the_prompt_come_back_is_dropped() -> None:
    prompt = "这是一段普通话对话，请用简体中文和标点记录。"
    assert suspicion("请用简体中文和标点记录", voiced=1.0, prompt=prompt) == "echo of the prompt"
    assert suspicion("对话", voiced=1.0, prompt=prompt) is None


def test_tags_are_not_words() -> None:
    assert without_tags("[Music] hello (applause) ♪♪") == "hello"
    assert suspicion(without_tags("【音乐】"), voiced=1.0) == "no words"


def test_silence_is_told_by_its_loudest_window() -> None:
    rng = np.random.default_rng(0)
    room = (rng.standard_normal(16000) * 30).astype(np.int16)  # -61 dBFS
    assert is_silence(room.tobytes())
    room[8000:8480] = 400
    assert not is_silence(room.tobytes())
    assert is_silence(b"")


def test_syllables() -> None:
    assert syllables("你好 hello 42") == 2 + 2 + 2
