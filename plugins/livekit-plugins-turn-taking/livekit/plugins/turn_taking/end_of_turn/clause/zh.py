"""Chinese: which words a clause does not end with, and which ones end it."""

from __future__ import annotations

import re

from .word_lists import any_of

_PUNCTUATION = re.compile(r"[\s，、：:,.。！？!?；;…—]+")

# Hesitations and everything after which something has to follow: conjunctions, prepositions,
# degree words, measure words, and verbs that want an object clause.
_LEADS_ON = re.compile(
    r"(?:(?<=.)嗯+|呃+|额|唔|就是|就是说|然后|然后呢|怎么说呢|所以|因为|但是|可是|不过|而且"
    r"|并且|还有|以及|和|跟|与|或|或者|要么|还是|比如|比如说|例如|如果|要是|假如|虽然|除了"
    r"|关于|对于|至于|把|被|由|从|往|为了|让|将|向|很|非常|特别|最|更|太|比较|应该|一直|要加"
    r"|想要|需要|(?<!没)有|有没有|叫做|属于|位于|等于|大概|可能|也许|其实|我说|请问|知不知道"
    r"|(?<![这那])[一两每某几](?:个|家|张|本|种|位|件|条|只|部|辆|间|次)"
    r"|^(?:嗯|呃|额|啊|就是)*[那这]个|不知道那个|(?:^|[我你您他她它们])[想要会能]"
    r"|(?<![也不都就才还])是|[寄送拿放搬飞转发改挪换调推]到|[住放坐站停存]在"
    r"|(?:我|你)(?:觉得|认为)吧?|[想要]问(?:一下|问)?|我想知道|你知道|告诉(?:我|你)|跟我说"
    r"|[他她们]说|告诉.说|(?:消息|问题|意思)(?:是|说)|解释一下|查一下|让我想想|我看看|帮我"
    r"|给我|你可以|你能|能不能|可不可以|(?:我|你|他|她)的|的话|以后|之后|以前|之前|的时候|小时候)$"
)
# The same words can be all of an answer.
_COMPLETE = any_of(
    "是 是的 对 对的 对啊 没错 好 好的 好啊 行 可以 嗯好 不 不是 不用 不用了 不要 没有 有 会"
    " 能 想 要 谢谢 谢谢你 非常感谢 你好 喂 再见 拜拜 早上好 晚上好 晚安 停 停下 等一下 等等"
    " 继续 知道了 明白了 当然 当然可以 没关系 没问题 为什么 什么 怎么说 真的吗 随便 都可以"
    " 都行 不知道 我不知道"
)
_ENDS = re.compile(r"(?:吗|呢|吧|了|啦|呀|啊|嘛|什么|怎么样|怎么说|多少钱?|哪里|哪儿|谁|几点)$")
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

_DIGITS = re.compile(r"[零〇一二三四五六七八九幺两\d][零〇一二三四五六七八九幺两\d\s-]*$")
_DICTATION = re.compile(r"号码|电话|手机|验证码|密码|账号|帐号|卡号|身份证|邮编|编号|号是")


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
    return words in _COMPLETE or bool(_ENDS.search(words) or _ASKS.search(words))


def _is_dictation(words: str, text: str) -> bool:
    """Whether a number is being told piece by piece."""
    tail = _DIGITS.search(words)
    if not tail:
        return False
    digits = sum(c.isalnum() for c in tail.group())
    return digits >= 3 or bool(_DICTATION.search(text))
