"""No cut changes what is said: figures, words, lists and quotations stay whole."""

from __future__ import annotations

import time

import pytest
import rjieba
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.plugins.qwen3_tts import Segmenter, segment

from .test_segmenter import units

CHINESE = [
    "12:05", "3:30-5:00", "下午3点30分", "8:00—17:30", "400-820-8820", "13800138000",
    "138 1234 5678", "+86 138 0013 8000", "(010)62551234", "0755-12345678-801", "1990-05-20",
    "2026年11月29日", "2026-11-29", "2026/11/29", "12月3日至7日", "10月1日", "¥1,299.00",
    "100～200元", "3～5元", "1.5亿元", "-50元", "50%-60%", "-8~-2℃", "3-5天", "第12届", "1203室",
    "3×10^8", "6222 0212 3456 7890", "192.168.1.100", "v2.3.1", "zhang.san_99@163.com",
    "https://www.example.com/a?b=1", "iPhone 16 Pro Max", "三百二十五元", "百分之三十",
    "2020至2024年", "5.5公斤", "3个月", "RTX 4090",
]  # fmt: skip
ENGLISH = [
    "12:05 p.m.", "10:30 a.m.", "3:30-5:00 pm", "2 - 3 days", "3 – 5 days", "(415) 555-0132",
    "(415) 555-0132 ext. 14", "+44 20 7946 0958", "1-800-555-0132", "1990-05-20", "2026-11-29",
    "November 29, 2026", "29 November 2026", "21st of June, 2025", "Nov. 29, 2026", "03/04/2026",
    "$1,299.00", "$3.5 million", "-8 °C", "5 km/h", "1/2 lb", "1 234 567", "50%-60%", "24/7",
    "6222 0212 3456 7890", "192.168.1.100", "v2.3.1", "first.last@example.co.uk",
    "https://docs.example.com/api/v2/users?id=42&sort=asc#top", "www.example.com/a-b", "[12, 13]",
    "[12, 13, 15]",
    "arr[0]", '<break time="500ms"/>', '<a href="https://a.com/x?y=1">',
    "[the guide](https://a.com/b-c/d)", "iPhone 16 Pro Max", "GPT-4o", "Room 12B",
    "No. 10", "p. 55", "Version 1.10", "ISO 9001",
]  # fmt: skip
LEAD = "我想告诉你们大家关于这个事情的"
WORDS = ["well", "then", "we", "all", "know", "that", "it", "is", "really"]
POSITIONS = [(LEAD[:n], one) for one in CHINESE for n in range(15)] + [
    (" ".join(WORDS[:n]) + " " * (n > 0), one) for one in ENGLISH for n in range(9)
]


@pytest.mark.parametrize("starter", [True, False])
def test_what_is_read_as_one_is_never_cut(starter: bool) -> None:
    assert len(CHINESE) + len(ENGLISH) > 60
    cut = []
    for lead, one in POSITIONS:
        rest = (
            " and then we will talk about it." if lead.isascii() else "然后我们再来谈谈其他的事情。"
        )
        text = lead + one + rest
        for tokens in ([], list(range(len(text)))):
            found = units(text, tokens, starter=starter)
            assert "".join(found) == text
            if not any(one in unit for unit in found):
                cut.append(found)
    assert cut == []


@settings(max_examples=150, deadline=None)
@given(data=st.data(), queued=st.sampled_from([0.0, 2.0, 9.0]), starter=st.booleans())
def test_what_is_read_as_one_is_never_cut_late_in_a_text(
    data: st.DataObject, queued: float, starter: bool
) -> None:
    one = data.draw(st.sampled_from(CHINESE + ENGLISH))
    if one in ENGLISH:
        words = ["we", "went", "there", "again", "because", "everything", "was", "so", "quiet"]
        joint = " "
    else:
        words = [
            "我们",
            "可以",
            "一起",
            "去",
            "公园",
            "散步",
            "然后",
            "喝咖啡",
            "的",
            "虽然",
            "地铁",
        ]
        joint = ""
    some = st.lists(st.sampled_from(words), max_size=60).map(joint.join)
    text = data.draw(some) + joint + one + joint + data.draw(some)
    tokens = data.draw(st.lists(st.integers(0, len(text)), max_size=40))
    found = units(text, tokens, queued, starter=starter)
    assert "".join(found) == text
    assert any(one in unit for unit in found), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请您拨打400-820-8820咨询。", ["请您拨打", "400-820-8820咨询。"]),
        ("他生于1990-05-20，今年36岁", ["他生于", "1990-05-20，今年36岁"]),
        ("请转0571-8888-6666找王经理。", ["请转", "0571-8888-6666找王经理。"]),
        ("我400-820-8820然后我们再来谈谈。", ["我400-820-8820然后", "我们再来谈谈。"]),
        ("Call me on (415) 555-0132 today.", ["Call me on ", "(415) 555-0132 today."]),
        ("We met on March 3, 2026 in Rome.", ["We met on ", "March 3, 2026 in Rome."]),
        ("It holds [3, 4], as we saw.", ["It holds [3, 4],", " as we saw."]),
    ],
)
def test_a_first_unit_does_not_wait_for_the_figure_behind_it(
    text: str, expected: list[str]
) -> None:
    assert list(segment(text)) == expected
    assert units(text, list(range(len(text)))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "现在是12:05，会议改到下午3:30-5:00，请准时。",
            ["现在是12:05，", "会议改到", "下午3:30-5:00，请准时。"],
        ),
        (
            "Call me on +44 20 7946 0958 or (415) 555-0132 ext. 14.",
            ["Call me on ", "+44 20 7946 0958 or ", "(415) 555-0132 ext. 14."],
        ),
        ("邮箱是zhang.san_99@163.com，", ["邮箱是", "zhang.san_99@163.com，"]),
        (
            "As shown earlier [12, 13, 15], this holds.",
            ["As shown earlier ", "[12, 13, 15], this holds."],
        ),
        (
            "See https://docs.example.com/api/v2/users?id=42&sort=asc#top for more.",
            ["See ", "https://docs.example.com/api/v2/users?id=42&sort=asc#top ", "for more."],
        ),
        ("2026年Q3营收1.2亿元", ["2026年Q3营收", "1.2亿元"]),
        ("订单号SF1234567890已发货。", ["订单号SF1234567890已发货。"]),
        ("Write to jo.doe@a.co.uk, please do.", ["Write to ", "jo.doe@a.co.uk,", " please do."]),
        ("火车票是2026/11/29上午9:15的。", ["火车票是", "2026/11/29上午9:15的。"]),
        ("5月1日—5日放假。", ["5月1日—5日放假。"]),
        ("9点—11点开会。", ["9点—11点开会。"]),
        ("黄金周10.1-10.7放假。", ["黄金周", "10.1-10.7放假。"]),
        ("Solve 3x² − 5x + 2 = 0.", ["Solve 3x² − 5x + 2 = 0."]),
        ("Is |x - 3 + 5| the same?", ["Is ", "|x - 3 + 5| the same?"]),
        ("오후 3시 반에 만나요.", ["오후 ", "3시 반에 만나요."]),
        ("В XX в. было тихо.", ["В ", "XX в. было тихо."]),
    ],
)
def test_a_text_with_figures(text: str, expected: list[str]) -> None:
    for tokens in ([], list(range(len(text)))):
        assert units(text, tokens) == expected


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("好的，我帮您查一下。", 3),
        ("明天会下雨，记得带伞。", 6),
        ("人工智能技术正在快速发展", 9),
        ("从市中心到火车站坐地铁要多久", 9),
        ("Sure, I can help with that.", 5),
        ("Of course. Here are three options.", 11),
        ("Your order will arrive tomorrow before noon.", 24),
        ("오늘 날씨가 정말 좋네요. 산책하러 갈까요?", 12),
        ("明日の天気は晴れです。", 9),
        ("Guten Tag! Wie kann ich Ihnen helfen?", 10),
        ("Bonjour, comment puis-je vous aider ?", 8),
        ("Claro, ahora mismo lo miro.", 6),
        ("Конечно, сейчас проверю.", 8),
    ],
)
def test_a_first_unit_comes_as_early_as_its_length_allows(text: str, characters: int) -> None:
    segmenter = Segmenter()
    for count, character in enumerate(text, 1):
        segmenter.push(character)
        if segmenter.take():
            assert count == characters
            return


def test_a_first_unit_before_an_open_figure_comes_while_it_is_open() -> None:
    segmenter = Segmenter()
    segmenter.push("请您拨打400-820-8")
    assert segmenter.take() == "请您拨打"
    segmenter.push("820咨询客服，谢谢。")
    assert segmenter.take() == "400-820-8820咨询客服，谢谢。"


SENTENCES = """从市中心到火车站坐地铁大概需要四十分钟左右的时间
喝咖啡虽然可以提神但是喝得太多会影响睡眠质量
您可以通过官方网站或者手机应用查询订单的最新状态
出门之前请务必检查门窗和煤气是否已经全部关好
我们会在保护客户隐私的前提下并且保证服务质量
人工智能技术正在快速发展并且深刻影响我们的生活方式
如果您对这个方案还有任何疑问欢迎随时联系我们的客服人员
今年夏天的天气比往年都要炎热得多所以大家要注意防暑降温
图书馆每天早上八点钟开门一直到晚上十点钟才会关门
他从小就喜欢音乐后来考上了一所著名的音乐学院学习钢琴
这家餐厅的招牌菜是红烧排骨和清蒸鲈鱼味道非常不错
请您把身份证复印件和户口本原件一起带到服务窗口办理
昨天晚上的足球比赛真是精彩两支球队踢得难解难分
我觉得学习一门新的语言最重要的是每天坚持练习听力和口语
公司决定从下个月开始实行弹性工作制度方便员工照顾家庭
手机突然没有信号了可能是因为这个地方的基站正在维修
建议您先重新启动路由器然后再检查网络连接是否恢复正常
孩子们在公园里开心地追逐着蝴蝶脸上洋溢着灿烂的笑容
这本小说讲述了一个年轻人在大城市里奋斗成长的故事
医生说他的身体恢复得很好再过几天就可以出院回家了
高速公路因为大雾临时封闭请司机朋友们绕道行驶注意安全
她打算明年春天去云南旅游顺便看望在那里工作的老同学
银行工作人员提醒广大市民不要轻易相信陌生人的电话
科学家发现这种植物的叶子里含有丰富的抗氧化成分
快递员说包裹已经放在小区门口的自动提货柜里面了
随着生活水平的提高越来越多的人开始重视身体健康
考试的时候一定要仔细审题不要因为粗心大意而丢分
这款洗衣机采用了最新的变频技术既节能又安静
老师鼓励同学们多参加社会实践活动增长见识锻炼能力
由于航班延误我们不得不在机场附近的酒店住了一个晚上
中国的传统节日春节是全家人团圆的日子大家都要回家过年
这个软件的操作界面十分简洁即使是老年人也能很快学会
根据最新的调查结果显示大多数消费者更加看重产品的质量
如果明天不下雨的话我们就按照原来的计划去爬山野餐
他在会议上提出了三个解决问题的办法得到了领导的肯定
冬天的哈尔滨到处都是晶莹剔透的冰雕吸引了许多外地游客
请在听到提示音之后留下您的姓名和电话号码我们会尽快回复
这条河流经过五个省份最后从上海附近流入东海
妈妈做的西红柿炒鸡蛋是我从小到大最喜欢吃的一道菜
数据库服务器出现异常导致部分用户暂时无法登录系统
她的普通话说得非常标准听起来完全不像是外国人
环境保护是每个公民应尽的责任和义务需要大家共同努力
电影院里坐满了观众大家都在安静地等待着电影的开始
现在很多年轻人喜欢在网络上购买衣服鞋子和日用品
这项研究成果发表在国际顶尖的学术期刊上引起了广泛关注
小区物业通知明天上午停水请居民提前做好储水准备
我已经把会议记录发送到您的电子邮箱里了请注意查收
飞机即将降落请您系好安全带收起小桌板调直座椅靠背
他们夫妻俩经营着一家小小的面包店生意一直都很红火
为了提高工作效率公司引进了一套先进的自动化生产设备
祖父经常给我们讲他年轻时候在部队里经历过的那些故事
这座古老的石桥已经有八百多年的历史了依然坚固如初
请问您是想咨询宽带业务还是想办理手机套餐变更呢
运动之后不要立刻喝冰水否则对肠胃会造成很大的刺激
国家博物馆每周一闭馆其余时间都免费向公众开放参观
我们的售后服务团队全年无休随时准备为您解决各种问题
爷爷在院子里种了许多蔬菜有黄瓜茄子豆角还有辣椒
经过几个月的艰苦训练运动员们终于取得了优异的成绩
他推开窗户一阵清新的空气扑面而来让人感到心旷神怡
明天下午在三楼会议室召开项目启动会请各部门负责人准时参加
新型冠状病毒感染的主要症状包括发热干咳以及浑身乏力
机器学习算法需要大量的训练数据才能达到理想的准确率
这次活动的报名截止日期是本月月底请有兴趣的同学抓紧时间
您的护照有效期不足六个月建议您尽快到出入境管理局更换""".splitlines()


@pytest.mark.parametrize("starter", [True, False])
def test_no_chinese_word_is_cut(starter: bool) -> None:
    texts = SENTENCES if starter else ["".join(SENTENCES[n : n + 4]) for n in range(60)]
    cuts, inside = 0, []
    for text in texts:
        edges, at = {0}, 0
        for word in rjieba.cut(text):
            at += len(word)
            edges.add(at)
        at = 0
        for unit in list(segment(text, starter=starter))[:-1]:
            at += len(unit)
            cuts += 1
            if at not in edges:
                inside.append(text[:at] + "¦" + text[at:])
    assert cuts > 20
    assert inside == []


def test_a_kana_in_a_chinese_sentence_leaves_its_words_whole() -> None:
    text = "昨天我们在优の良品买了很多零食" + "".join(SENTENCES[:3])
    edges, at = {0}, 0
    for word in rjieba.cut(text):
        at += len(word)
        edges.add(at)
    at = 0
    for unit in segment(text, starter=False):
        at += len(unit)
        assert at in edges, text[:at]
        assert len(unit) <= 66


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("2026年Q3营收1.2亿元，同比增长很多。", "营收"),
        ("우리는 2:30부터이고 그리고 나중에 다시 만나요", "2:30부터이고"),
        ("안녕하세요 저는 오늘 회의에 대해서 말씀드리려고합니다 감사합니다", "말씀드리려고합니다"),
        ("私は明日学校で日本語の試験を受けるつもりですからよろしくお願いします", "お願いします"),
        ("これから東京駅へ行って新幹線に乗って大阪まで行きます", "東京駅"),
        ("昨日買ったコンピューターがもう壊れてしまいました", "コンピューター"),
    ],
)
def test_no_word_of_another_language_is_cut(text: str, whole: str) -> None:
    for starter in (True, False):
        assert any(whole in unit for unit in segment(text, starter=starter))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Here are three options:\n1. Reset the password\n2. Call the bank\n3. Wait a day",
            [
                "Here are three options:",
                "\n1. Reset the password\n",
                "2. Call the bank\n",
                "3. Wait a day",
            ],
        ),
        ("1、重启手机\n2、检查网络\n3、联系", ["1、重启手机\n", "2、检查网络\n", "3、联系"]),
        ("总共两步：\n1. 重启\n2. 检查", ["总共两步：", "\n1. 重启\n", "2. 检查"]),
        ("一、打开盖子\n二、放入电池", ["一、打开盖子\n", "二、放入电池"]),
        ("a. First item\nb. Second item", ["a. First item\n", "b. Second item"]),
        ("- 1. Eins holen\n- 2. Zwei holen", ["- 1. Eins holen\n", "- 2. Zwei holen"]),
    ],
)  # fmt: skip
def test_the_number_of_an_item_stays_with_it(text: str, expected: list[str]) -> None:
    assert list(segment(text)) == expected
    assert units(text, list(range(len(text)))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Er rief: „Komm sofort her!“ Dann ging er.", ["„Komm sofort her!“"]),
        ("»Komm sofort her.« Dann ging er weg.", ["»Komm sofort her.«", " Dann ging er weg."]),
        ("« Bonjour à tous ! » Puis il partit.", ["« Bonjour à tous ! »"]),
        ("«Ven aquí ahora mismo.» Luego se fue.", ["«Ven aquí ahora mismo.»"]),
        ("Er sagte „nein, danke“, und ging.", ["nein, danke“"]),
        ("«Иди скорее сюда!» Потом он ушёл.", ["«Иди скорее сюда!»"]),
        ("We read “Stop now.” and left.", ["“Stop now.”"]),
    ],
)
def test_a_quotation_keeps_its_marks(text: str, expected: list[str]) -> None:
    for tokens in ([], list(range(len(text)))):
        found = units(text, tokens, starter=False)
        for part in expected:
            assert any(part in unit for unit in found), found
        assert not any(unit.lstrip()[0] in "“”»" and unit.lstrip()[1:2] == " " for unit in found)


RUNS = [
    "。",
    "—",
    "![",
    "😀",
    ".",
    "(a",
    " ",
    "\n",
    "👩‍👩‍👧",
    "1",
    "a",
    "é",
    "http://a.b/",
    "Dr. ",
    "1 2 ",
    "<a ",
    "„",
]


@pytest.mark.parametrize("run", RUNS)
def test_no_unit_is_longer_than_400_characters(run: str) -> None:
    text = run * (3000 // len(run))
    found = list(segment(text))
    assert "".join(found) == text
    assert max(map(len, found)) <= 400
    assert units(text, list(range(len(text)))) == found


def seconds(text: str, step: int, queued: float) -> tuple[float, float]:
    """Return the time that a text takes, and that of the longest look at it."""
    segmenter, longest = Segmenter(), 0.0
    begun = time.thread_time()

    def look() -> None:
        nonlocal longest
        while True:
            at = time.thread_time()
            unit = segmenter.take(queued)
            longest = max(longest, time.thread_time() - at)
            if unit is None:
                return

    for start in range(0, len(text), step):
        segmenter.push(text[start : start + step])
        look()
    segmenter.end()
    look()
    return time.thread_time() - begun, longest


DENSE = [
    *RUNS,
    "z. B. ",
    "am 3. ",
    "May 1, ",
    "1 - ",
    "a@",
    "[a ",
    "`a ",
    "三百",
    "私は",
    "안녕",
    "(415) ",
    "ad es. ",
]


@pytest.mark.parametrize("part", DENSE)
def test_the_time_is_linear_and_no_look_is_long(part: str) -> None:
    for queued in (0.0, 9.0):
        for step in (3, 100_000):
            short, long = (part * (size // len(part)) for size in (2_000, 16_000))
            few = min(seconds(short, step, queued) for _ in range(3))
            # Eight times the text; were it quadratic, it would be 64 times. Once in two times: a
            # busy machine is no fault of the text's.
            most = 24 * few[0] + 0.02
            assert any(seconds(long, step, queued)[0] < most for _ in range(2))
            assert few[1] < 0.02


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(
            ["好的", "Yes", "。", "！", "…", "?", ". ", "\n", " ", "😀", "”", "“", "，", "3. "]
        )
    ).map("".join)
)
def test_no_unit_but_the_last_is_without_letters(text: str) -> None:
    for unit in list(segment(text))[:-1]:
        assert any(character.isalnum() for character in unit)
