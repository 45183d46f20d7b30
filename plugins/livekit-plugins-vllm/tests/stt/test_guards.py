"""What the guards drop, and above all what they keep."""

from __future__ import annotations

import numpy as np
import pytest
from livekit.plugins.vllm._stt.guards import Segment, is_silence, suspicion, syllables
from livekit.plugins.vllm._stt.inventions import without_marks
from livekit.plugins.vllm._stt.transcriptions import SIMPLIFIED_CHINESE_PROMPT


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
    assert without_marks("[Music] hello (applause) ♪♪") == "hello"
    assert suspicion(without_marks("【音乐】"), voiced=1.0) == "no words"


@pytest.mark.parametrize(
    "text",
    [
        "My number is (415) 555-0123.",
        "Work out (3 + 4) times 12.",
        "What is 5 * 3 * 2?",
        "我想读【三体】这本书。",
        "(yes)",
        "Call it [draft two] for now.",
        "请把（第一章）发给我。",
        "The file is *final*, not draft.",
        "a*b*c is the product",
        "Is x < 3 and y > 2?",
        "Play (Sittin' On) The Dock of the Bay.",
        "My band (music and poetry) plays tonight.",
    ],
)
def test_words_in_brackets_and_between_stars_were_said(text: str) -> None:
    assert without_marks(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[BLANK_AUDIO]", ""),
        ("(upbeat music playing)", ""),
        ("[Speaking in foreign language]", ""),
        ("*laughs* Well, no.", "Well, no."),
        ("嗯（笑声）好的", "嗯 好的"),
        ("【背景音乐】", ""),
        ("(拍手)", ""),
        ("[аплодисменты]", ""),
        ("(Gelächter) Ja.", "Ja."),
        ("♪ la la ♪", "la la"),
        ("<|nospeech|>", ""),
        ("Hello [coughs] there (sighs deeply).", "Hello there (sighs deeply)."),
        ("(phone ringing) Hello?", "Hello?"),
    ],
)
def test_marks_of_sounds_are_cut(text: str, said: str) -> None:
    assert without_marks(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "Press the (music) button, please.",
        "The word is (silence).",
        "Open a [song] in the player.",
        "Click [traffic] for the sound.",
        "My cat is called *Thunder*.",
        "I filed it under the [engine] tag.",
        "The answer was (noise)",
        "请点击【音乐】。",
        "打开（背景音乐）的开关。",
        "答案是（静音）。",
    ],
)
def test_a_sound_that_its_sentence_needs_was_said(text: str) -> None:
    assert without_marks(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello [coughs] there.", "Hello there."),
        ("And the [laughs] thing is done.", "And the thing is done."),
        ("It is [noise] over there.", "It is over there."),
        ("Well (music) yes.", "Well yes."),
        ("我的（笑声）天啊", "我的 天啊"),
        ("That was (laughter)", "That was"),
    ],
)
def test_a_sound_that_comes_between_the_words_is_cut(text: str, said: str) -> None:
    assert without_marks(text) == said


@pytest.mark.parametrize(
    "text",
    [
        *("Thank you.", "You", "Okay.", "Bye.", "嗯。", "谢谢。", "I'm sorry.", "好", "So"),
        *(
            "I love you.",
            "Let's go.",
            "我知道了。",
            "お疲れ様でした。",
            "Come on.",
            "走吧。",
            "네, 알겠습니다.",
        ),
    ],
)
def test_nothing_is_said_without_a_voice(text: str) -> None:
    assert suspicion(text, voiced=0.0) is not None
    assert suspicion(text, voiced=0.03) is not None
    assert suspicion(text, voiced=None) is None
    assert suspicion(text, voiced=0.5) is None


@pytest.mark.parametrize("text", ["Thank you.", "谢谢。", "Gracias.", "Vielen Dank."])
def test_a_short_leave_takes_its_time(text: str) -> None:
    assert suspicion(text, voiced=0.24) is not None
    assert suspicion(text, voiced=0.4) is None


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("Grafana.", "Kubernetes, Grafana, Prometheus"),
        ("Kubernetes, Grafana, Prometheus", "Kubernetes, Grafana, Prometheus"),
        ("Jonathan Smythe.", "Callers: Jonathan Smythe, Aoife Byrne."),
        ("Aoife Byrne.", "Callers: Jonathan Smythe, Aoife Byrne."),
        ("请用简体中文。", SIMPLIFIED_CHINESE_PROMPT),
        ("一段普通话对话", SIMPLIFIED_CHINESE_PROMPT),
        ("阿莫西林", "药名：阿莫西林、布洛芬"),
        ("Escitalopram", "Drugs: Sertraline, Escitalopram"),
    ],
)
def test_words_of_the_prompt_are_kept_when_there_is_voice_for_them(text: str, prompt: str) -> None:
    assert suspicion(text, voiced=2.5, prompt=prompt) is None


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("Kubernetes, Grafana, Prometheus", "Kubernetes, Grafana, Prometheus"),
        ("Jonathan Smythe, Aoife Byrne.", "Callers: Jonathan Smythe, Aoife Byrne."),
        ("这是一段普通话对话，请用简体中文和标点记录。", SIMPLIFIED_CHINESE_PROMPT),
    ],
)
def test_the_prompt_over_too_little_voice_is_an_echo(text: str, prompt: str) -> None:
    assert suspicion(text, voiced=0.3, prompt=prompt) == "echo of the prompt"


@pytest.mark.parametrize(
    ("text", "syllables_said"),
    [
        ("five " * 8, 8),
        ("0000" * 8, 32),
        ("no, " * 9, 9),
        ("不要，" * 6, 12),
        ("stop! " * 8, 8),
        ("哈" * 12, 12),
        ("one two, " * 6, 12),
        ("bye " * 5, 5),
        ("谢谢，" * 5, 10),
    ],
)
def test_repetition_is_kept_when_the_voice_is_as_long_as_it(text: str, syllables_said: int) -> None:
    assert suspicion(text, voiced=0.15 * syllables_said) is None
    assert suspicion(text * 4, voiced=0.15) == "repetition"


@pytest.mark.parametrize(
    "text",
    [
        "Subtitles by default, please.",
        "Translation by Friday would be fine.",
        "Transcription by a human or a machine?",
        "字幕组是做什么的？",
        "字幕制作要多久？",
        "字幕由谁提供？",
        "Captions by whom?",
        "Untertitel von wem?",
        "Субтитры от кого?",
        "Sous-titres par défaut, s'il vous plaît.",
    ],
)
def test_questions_that_begin_like_credits_are_kept(text: str) -> None:
    assert suspicion(text, voiced=2.0) is None
    assert suspicion(text, voiced=0.2) is not None


@pytest.mark.parametrize(
    "text",
    [
        "ご視聴ありがとうございました",
        "Продолжение следует...",
        "Thank you. Thank you. Thank you.",
        "시청해주셔서 감사합니다",
        "Untertitelung des ZDF, 2020",
        "Sous-titrage Société Radio-Canada",
        "Subtítulos realizados por la comunidad de Amara.org",
        "Sottotitoli e revisione a cura di QTSS",
        "Legendas pela comunidade Amara.org",
        "Субтитры создавал DimaTorzok",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "チャンネル登録よろしくお願いします",
        "Please subscribe to my channel. See you next time!",
        "I was wondering whether you could tell me about the weather.",
    ],
)
def test_inventions_over_too_little_sound_are_dropped_in_every_language(text: str) -> None:
    assert suspicion(text, voiced=0.25) is not None


@pytest.mark.parametrize(
    ("text", "voiced"),
    [
        ("ありがとうございました", 1.0),
        ("Спасибо.", 0.5),
        ("Vielen Dank.", 0.6),
        ("감사합니다", 0.7),
        ("Продолжение следует, да?", 1.4),
        ("Gracias por su atención", 1.2),
    ],
)
def test_leave_is_taken_by_people_too(text: str, voiced: float) -> None:
    assert suspicion(text, voiced=voiced) is None


def test_silence_is_told_by_its_loudest_window() -> None:
    rng = np.random.default_rng(0)
    room = (rng.standard_normal(16000) * 30).astype(np.int16)  # -61 dBFS
    assert is_silence(room.tobytes())
    room[8000:8480] = 400
    assert not is_silence(room.tobytes())
    assert is_silence(b"")


def test_syllables() -> None:
    assert syllables("你好 hello 42") == 2 + 2 + 2
