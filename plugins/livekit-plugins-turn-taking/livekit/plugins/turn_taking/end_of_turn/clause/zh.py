"""Chinese: which words a clause does not end with, and which ones end it."""

from __future__ import annotations

import re

from ...languages import words as words_of

_PUNCTUATION = re.compile(r"[\s，、：:,.。！？!?；;…—]+")

_ENDS = words_of("zh").ends
# Measure words, and verbs that want an object clause, where the words around them allow it.
_LEADS_ON = re.compile(
    rf"(?:{'|'.join((*_ENDS.hesitations, *_ENDS.leads_on))}"
    r"|(?<=.)嗯+|(?<!没)有|(?<![这那])[一两每某几](?:个|家|张|本|种|位|件|条|只|部|辆|间|次)"
    r"|^(?:嗯|呃|额|啊|就是)*[那这]个|(?:^|[我你您他她它们])[想要会能]"
    r"|(?<![也不都就才还])是|[寄送拿放搬飞转发改挪换调推]到|[住放坐站停存]在"
    r"|(?:我|你)(?:觉得|认为)吧?|[想要]问(?:一下|问)?"
    r"|[他她们]说|告诉.说|(?:消息|问题|意思)(?:是|说)|(?:我|你|他|她)的)$"
)
# Words of _LEADS_ON can be all of an answer.
_COMPLETE = frozenset(_ENDS.complete)
_FINISHED_BY = re.compile(rf"(?:{'|'.join(_ENDS.finished_by)})$")
# A question that names what it asks for wants no more than the words after that: 面包店几点开门.
_ASKS = re.compile(
    r"(?:什么(?!时候$)|怎么(?!说呢)|哪(?!怕)|谁|多少|几[点号]|(?<![很好许太差])多[远久大高长重])."
)
# Before the verb stands when it happens, and what is done to: "我明天早上", "请把窗户".
_TIME = re.compile(
    r"(?:我们?|你们?|您|他们?|她们?|提醒.|帮.)"
    r"(?:今天|明天|后天|昨天|周.|星期.|下周|上周|早上|上午|中午|下午|晚上|.{1,2}点半?)+$"
)
_OBJECT = re.compile(
    r"把[^把开关放寄拿送给改换删移挪发告写加减调变念读搬修做弄打停取存清洗擦带还推转订借卖买交扔吃喝]+$"
)
# "If …" needs its "then …", and "whatever …" too.
_CONDITION = re.compile(r"^(?:如果|要是|假如|虽然|既然|只要|除非|不管|无论)")
_CONSEQUENCE = re.compile(r"就|也|那|但|所以|还是|都|会|才|请|我们还")

# An address goes on until its number: 北京市海淀区中关村.
_ADDRESS = re.compile(
    r"[\u4e00-\u9fff]{2,}(?:省|市|区|县|州)[^的]*?(?:(?!的)[\u4e00-\u9fff]){1,6}"
    r"(?:镇|乡|村|路|街|大街|大道|巷|弄|胡同|小区|花园|号楼|栋|单元)$"
)
# The marks of an e-mail address, spoken between its parts.
_MARKS = re.compile(r"(?:艾特|下划线|斜杠|小数点|(?<=[a-z0-9])\s*(?:点|杠))$", re.IGNORECASE)

# What is arranged between two people wants a time, a number, a reason: "I want to buy my brother a
# present." is a whole sentence, and seldom all. A command wants none of that ("cancel the order"),
# so what is wanted has to be a thing, and one to be bought, booked, rented or given back.
_MEASURE = r"(?:一?[个张件辆间份双套]|一[本台部束盒瓶箱把支只款条顶桌位次])"
_BOOKED = (
    "(?:机|火车|高铁|车|船|电影|门|球)?票|酒店|宾馆|房间?|包[间厢]|[桌座]?位子?|桌子?|餐厅?|外卖"
    "|蛋糕"
)
_SEEN = "体检|门诊|专家号?|挂号|牙?医生|牙医|看病|看牙|洗牙|理发|疫苗|试驾|保养"
_CHANGED = (
    f"{_BOOKED}|座位|位置|床|衣服|上衣|大衣|外套|衬衫|[裙裤鞋袜包箱杯]子?|帽子|手机|电脑|耳机|充电器"
    "|手表|尺码|型号|东西|商品|礼物|车|书"
)
# What is done with one all the same: pay, return money, borrow a light, set an alarm.
_DONE = "单$|款|货|光|火|过|闹钟|提醒|倒计时|计时"
_WISH = re.compile(
    r"^(?:嗯|呃|那个|那|你好|您好|喂|请问|是这样的?)*(?:我们?|咱们)?(?:今天)?"
    r"(?:想要?|要|需要|打算|准备|得)"
    r"(?:(?:请?[你您])?[给帮替为][^的帮]{1,5}?|[和跟在去][^的]{1,5}?)?(?:先|再|去|来|也|另外|重新)?"
    rf"(?:(?:预?订|购?买|租|借|预?约){_MEASURE}(?!{_DONE})[^的谢我你他她它是有]{{1,6}}"
    rf"|(?:预?[订定]|购?买)(?:{_BOOKED})|预?约(?:一下)?(?:{_SEEN})|租(?:车|房子?|公寓)"
    rf"|(?:预?定|换|退){_MEASURE}[大小新]?(?:{_CHANGED}))$"
)
_DETAIL = re.compile(
    r"[今明后昨]天|今晚|明晚|周[一二三四五六日末]|星期|礼拜|[上下]周|月|[点号]|[早晚]上|[上中下]午|因为"
    r"|\d|[二两三四五六七八九十百千几](?:[个位张件本间份晚次天]|块|元)"
)

_DIGIT = "".join(_ENDS.digits)
_DIGITS = re.compile(rf"[{_DIGIT}\d][{_DIGIT}\d\s-]*$")
_DICTATION = re.compile("|".join(_ENDS.dictation))


def is_unfinished(clause: str, text: str) -> bool:
    """Whether something has to follow.

    Args:
        clause: The last one, without the punctuation that ends it.
        text: All of the turn.
    """
    words = _PUNCTUATION.sub("", clause)
    if words in _COMPLETE:
        return False
    if any(form.search(words) for form in (_LEADS_ON, _TIME, _OBJECT, _ADDRESS, _MARKS)):
        return True
    if _is_dictation(words, text):
        return True
    return bool(_CONDITION.search(words)) and not _CONSEQUENCE.search(words[2:])


def is_finished(clause: str) -> bool:
    """Whether it wants nothing more; told of a clause that is not unfinished."""
    words = _PUNCTUATION.sub("", clause)
    return words in _COMPLETE or bool(_FINISHED_BY.search(words) or _ASKS.search(words))


def is_wish(clause: str) -> bool:
    """Whether it tells what is wanted and no more; told of one that is not unfinished."""
    words = _PUNCTUATION.sub("", clause)
    return bool(_WISH.search(words)) and not _DETAIL.search(words)


def _is_dictation(words: str, text: str) -> bool:
    """Whether a number is being told piece by piece."""
    tail = _DIGITS.search(words)
    if not tail:
        return False
    digits = sum(c.isalnum() for c in tail.group())
    return digits >= 3 or bool(_DICTATION.search(text))
