"""How a transcript ends. None of these sentences is in the benchmark."""

from __future__ import annotations

import pytest
from livekit.agents import LanguageCode, stt
from livekit.plugins.turn_taking.end_of_turn.clause import Clause, read
from livekit.plugins.turn_taking.end_of_turn.transcript import TurnTranscript

UNFINISHED = """
I'd like to
Can you tell me
Could you please tell me
We are going to
It belongs to the
I went there because
My sister and
The reason is that
If you have time tomorrow
When we came home
The train leaves from
There is something in the
um
Yes, well, uh
So
I was wondering if
What do you
Let me think
He said that
She is very
My number is four two
The code is one nine
My email is anna at
It is john at gmail dot
john underscore
The code is triple
triple
forward slash
www dot example dot
A as in alpha
It's M as in Mike, A as in Alpha
B for Bravo
北京市海淀区中关村
我住在上海市浦东新区张江路
广东省深圳市南山区科技园小区
我的邮箱是 john 点
zhang 下划线
I have a dog, a cat,
The best one...
It was late so
We could, you know
我想问一下
请问
因为
我的电话是一三九
验证码是五六七
如果你明天有空的话
下班以后
我去过北京和
他告诉我
能不能帮我查一下
这是一本
我住在
请把它放在
嗯，那个
就是说
所以
虽然今天很冷
我觉得吧
你好，我想
这家店非常
我最喜欢的运动是
我明天下午
提醒我星期五
请把客厅的灯
帮我买一个苹果，
不管明天下不下雨
"""

FINISHED = """
Yes
No thanks
Okay.
That's right.
Turn it off, please
Where is it?
Yes, please
好的
对
不用了
是的。
你在干什么
这样可以吗
我们走吧
已经到了
你是谁
超市几点关门
你最喜欢什么颜色
去邮局怎么走
这条河有多长的历史
"""

OPEN = """
What is the capital of France
Where are you from
Who are you talking to
What is it for
I know what it is
Yes, I do
It was built in nineteen eighty four
About two hundred dollars
I think it's a good idea, don't you
She turned the light on
Come in
When does the shop close
If it rains we stay at home and read
How is he
I'm doing well
I like that
I think so
It is late, as you know
嗯
我想要一杯咖啡
把灯打开
一共两百块
他是一九九零年出生的
我不要这个
如果下雨我们就不去
这个很重要
他很聪明能干
我们改到明天下午
明天早上
请把客厅的灯打开
现在是三点
你什么时候
这里有很多大学
哪怕下雨我也去
"""

WISH = """
我想给我弟弟买个礼物
你好，我想预约一次体检
我们打算租一辆车
我要退一件衣服
那个，我需要换一个房间
我想订一张桌子
我想定一张桌子
我想去买一双鞋
想租辆车
我想帮我妈妈订一张机票
我想请你帮我订一个蛋糕
我要订酒店
我们想预约体检
我得换个座位
我想跟医生约个时间
"""

OPEN_THOUGH_WANTED = """
我想给我弟弟买两个礼物
我想预约明天上午的体检
我要退昨天买的衣服
我们打算下周租一辆车
我很想我妈妈
我想要一杯咖啡
她要买一个包
我要报警
我想转人工
我要转人工服务
我要退出
我想请问一下营业时间
要不要租一辆车
要不要订一张桌子
我想换个话题
我想换一首歌
我想请你帮我看看天气
我想请你重复一遍
我需要修改密码
我想取消订单
我要取消
我要取消闹钟
我想定个闹钟
要求退款
要求退一件衣服
我要退款
我要退个货
我要退房
我想买个单
我要买单
我想借个火
我要约束一下自己
我要报一下我的名字
我要转账
我要存钱
我想办理入住
我要投诉
我想申请退款
我想订一张桌子谢谢
我想给我弟弟买个礼物，他喜欢老地图
"""


@pytest.mark.parametrize("text", UNFINISHED.split("\n")[1:-1])
def test_something_has_to_follow(text: str) -> None:
    assert read(text) is Clause.UNFINISHED


@pytest.mark.parametrize("text", FINISHED.split("\n")[1:-1])
def test_nothing_more_is_wanted(text: str) -> None:
    assert read(text) is Clause.FINISHED


@pytest.mark.parametrize("text", OPEN.split("\n")[1:-1])
def test_it_may_be_all(text: str) -> None:
    assert read(text) is Clause.OPEN


@pytest.mark.parametrize("text", WISH.split("\n")[1:-1])
def test_a_wish_without_its_details_is_seldom_all(text: str) -> None:
    assert read(text, "zh") is Clause.WISH


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Thank you very much.", "en"),
        ("Thank you", ""),
        ("谢谢", ""),
        ("Hello. Good morning!", "en"),
        ("Excuse me,\nsorry.", "en"),
        ("Oh, sorry.", "en"),
        ("Stop!", "en"),
        ("Stop. Thank you very much.", "en"),
        ("Thanks, stop.", "en"),
        ("Hold on, please.", "en"),
        ("等等。", "zh"),
        ("你好，不好意思。", "zh"),
        ("请等一下，谢谢。", "zh"),
        ("Guten Tag.", "de"),
        ("Warten Sie bitte.", "de"),
        ("Un momento, por favor.", "es"),
        ("Attendez, s'il vous plaît.", "fr"),
        ("Buongiorno, scusi.", "it"),
        ("あ、すみません。", "ja"),
        ("はい、もしもし。", "ja"),
        ("네, 여보세요.", "ko"),
        ("Obrigada.", "pt"),
        ("Одну минутку, пожалуйста.", "ru"),
    ],
)
def test_what_comes_before_the_matter_is_seldom_all(text: str, language: str) -> None:
    assert read(text, language) is Clause.PREFACE


@pytest.mark.parametrize(
    ("text", "language", "clause"),
    [
        # They want an answer.
        ("Hello?", "en", Clause.FINISHED),
        ("喂？", "zh", Clause.FINISHED),
        ("もしもし？", "ja", Clause.FINISHED),
        # They are one, though it is a refusal.
        ("No, thank you.", "en", Clause.FINISHED),
        ("Never mind.", "en", Clause.FINISHED),
        ("Sì grazie.", "it", Clause.FINISHED),
        ("네, 감사합니다.", "ko", Clause.FINISHED),
        ("失礼します。", "ja", Clause.FINISHED),
        ("Yes.", "en", Clause.FINISHED),
        ("好的。", "zh", Clause.FINISHED),
        # Something was said before.
        ("Where is it? Thank you.", "en", Clause.FINISHED),
        ("Turn off the light. Thank you.", "en", Clause.FINISHED),
        ("我知道了。谢谢。", "zh", Clause.FINISHED),
        ("Quiero otra cosa. Para.", "es", Clause.FINISHED),
        # The same words are others there.
        ("Stop the music.", "en", Clause.OPEN),
        ("停车场在哪里", "zh", Clause.FINISHED),
        ("Sí, para", "es", Clause.UNFINISHED),
        ("Então, para", "pt", Clause.UNFINISHED),
        ("Не надо.", "ru", Clause.OPEN),
        ("Não precisa.", "pt", Clause.OPEN),
    ],
)
def test_what_is_more_than_a_preface_is_none(text: str, language: str, clause: Clause) -> None:
    assert read(text, language) is clause


@pytest.mark.parametrize("text", OPEN_THOUGH_WANTED.split("\n")[1:-1])
def test_a_wish_with_its_details_may_be_all(text: str) -> None:
    assert read(text, "zh") is Clause.OPEN


@pytest.mark.parametrize("text", ["", " ", "…", "?", "。"])
def test_no_words_say_nothing(text: str) -> None:
    assert read(text) is Clause.OPEN


@pytest.mark.parametrize(
    "text", ["Да", "ありがとう", "안녕하세요", "مرحبا", "😀 ok", "42", "a", "我"]
)
def test_any_text_can_be_read(text: str) -> None:
    assert isinstance(read(text), Clause)


def test_the_last_sentence_decides() -> None:
    assert read("I was there. And then the") is Clause.UNFINISHED
    assert read("And then the bus came. That's all.") is not Clause.UNFINISHED
    assert read("我到了。然后") is Clause.UNFINISHED


def test_a_number_is_told_in_pieces() -> None:
    assert read("My phone number is") is Clause.UNFINISHED
    assert read("My phone number is five five five") is Clause.UNFINISHED
    assert read("It is four hundred and ten") is not Clause.UNFINISHED
    assert read("我的号码是") is Clause.UNFINISHED
    assert read("一三八 零零") is Clause.UNFINISHED


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Was hast du an", "de"),
        ("Sie wartet im Cafe at", "de-DE"),
        ("Er ging in das um", "de"),
        ("No sé the", "es"),
        ("Il est the", "fr"),
        ("Han gick med the", "sv"),
        ("Ben ve and", "tr"),
        ("Γεια και", ""),
    ],
)
def test_another_language_is_not_read_by_the_rules_of_these(text: str, language: str) -> None:
    assert read(text, language) is Clause.OPEN


@pytest.mark.parametrize(
    ("text", "language"),
    [("Il y a", "fr"), ("Das war der", "de-DE"), ("No sé a", "es"), ("会議に", "ja"), ("Я и", "")],
)
def test_a_language_that_has_words_of_its_own_is_read_by_these(text: str, language: str) -> None:
    assert read(text, language) is Clause.UNFINISHED


@pytest.mark.parametrize("language", ["", "en", "en-US", "zh", "EN"])
def test_an_english_clause_is_read_as_english(language: str) -> None:
    assert read("I went there with the", language) is Clause.UNFINISHED


def test_a_language_that_trails_off_does_so_in_any() -> None:
    assert read("Ich wollte nur sagen,", "de") is Clause.UNFINISHED


def test_a_turn_is_read_in_the_language_that_the_recogniser_heard() -> None:
    words = TurnTranscript()
    data = stt.SpeechData(LanguageCode("fr"), "Il est the")
    words.transcribed(
        stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])
    )
    assert words.clause is Clause.OPEN
