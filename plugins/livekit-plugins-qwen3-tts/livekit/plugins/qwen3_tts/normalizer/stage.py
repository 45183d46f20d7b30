"""What counts as a stage direction: *smiles*, （笑）, [laughs].

A short list on purpose: *emphasis* and (an aside) are words to be said, and dropping one of them
is worse than saying a direction. A direction stands before a sentence or after one; inside one,
(coughing) and (pause) are what the sentence is about, and only (laughs), a verb of a third person
who is not in the sentence, is still a direction.
"""

from __future__ import annotations

import re

from .rules import Rule, apply

_REST = r"[^*_()（）\[\]【】\n.!?。！？]{0,60}?"
_VOICED = (
    r"(?:smile|laugh|chuckle|giggle|sigh|gasp|grin|cough|sniff|sniffle|sob|whisper|shrug|nod|wink|bow"
    r"|groan|yawn|hum|blush|frown|gulp|hesitate|exhale|inhale|snicker|smirk|breathe|mutter|murmur|sing)s|cries"
)
_VERB = (
    r"(?:smil|laugh|chuckl|giggl|sigh|gasp|grin|grinn|cough|sniff|sniffl|sob|sobb|cri|cry|whisper"
    r"|shrug|shrugg|nod|nodd|wink|bow|paus|clap|clapp|groan|yawn|hum|humm|blush|frown|gulp"
    r"|hesitat|exhal|inhal|snicker|smirk|cheer|beam|breath|mutter|murmur|sing)(?:es|s|ing|e)?"
)
_GESTURE = (
    r"(?:clear|lean|tilt|shak|tak|roll|rais|wav|look|scratch|rub|turn|walk|step|stand|sit|point|reach"
    r"|mov|star|gaz|glanc|pick|put|plac|hold|open|clos)(?:es|s|ing)\s+"
    r"(?:(?:a|an|his|her|their|its|the|my|to|at|up|out|from|into)\s+){0,3}"
    r"(?:throat|in|forward|back|closer|head|deep breath|breath|eyes?|eyebrow|brow|hands?|hello"
    r"|camera|goodbye|away|around|down|up|chin|window|door|listener|audience|user|you|distance|arms?|face|floor|ground|sky|ceiling|screen)"
)
_NOUN = (
    r"(?:\w+ )?(?:laughter|laugh|applause|music|silence|beat|pause|sigh|noise|chatter)"
    r"(?: playing| plays)?"
    r"|inaudible|unintelligible|crosstalk"
)
# How it is said, in brackets before a sentence: "*Gently* fold in the eggs" is none.
_MANNER = (
    r"(?:(?:speaking|in a|with a)\s)?(?:softly|quietly|gently|warmly|cheerfully|excitedly"
    r"|sarcastically|teasingly|playfully|nervously|sadly|happily|low voice|soft voice"
    r"|quiet voice|whisper)"
)
_ENGLISH = (
    rf"(?:(?:he\s|she\s|they\s)?(?:\w+ly,?\s+)?(?:{_GESTURE}|{_VERB})"
    rf"(?:\s+(?:\w+ly|and|at|to|with|a|his|her|in|into|out|again|then|while)\b{_REST}"
    rf"|,\s+(?:then|and|{_GESTURE}|{_VERB})\b{_REST})?"
    rf"|{_NOUN})"
)
_LAUGH = r"(?:[微大苦偷轻傻坏]?笑(?:了[笑一]?)?|叹气|叹了?一?口气)"
_CHINESE = (
    r"[她他]?(?:[\u4e00-\u9fff]{0,6}[地的]|轻轻|微微|默默|缓缓|慢慢|悄悄)?"
    rf"(?:{_LAUGH}|叹息|咳嗽?|清了?清?嗓子|点了?点?头|摇了?摇?头|停顿(?:[一两二三几半]秒)?|挠了?挠?头|[看望盯]着[你他她]?(?=[）)】*]|$)"
    r"|沉默|思考|沉思|想了想|鼓掌|耸了?耸?肩|眨了?眨?眼睛?|挥了?挥?手|鞠躬|哭泣?|抽泣|低声|小声"
    r"|轻声|激动|兴奋|惊讶|害羞|温柔|开心|音乐声?|掌声|笑声|深呼吸|深吸一口气|吸气|皱眉|歪头|拥抱)"
    # "（笑话）" and "（音乐节）" are words, "（温柔、体贴）" a list: only these may follow.
    rf"(?:(?:[了着地声起说片]|一[下会声]|[，,]){_REST})?"
)
_DIRECTION = rf"\s*(?:{_ENGLISH}|{_CHINESE})"
_END = r"[.。…!！]{0,3}\s*"
# Where a sentence may begin, and where one has ended.
_BEFORE_A_SENTENCE = r"(?:(?<=^)|(?<=[\n.。!！?？…:：“\"*)）\]】>，,])|(?<=[.!?,:…] )|(?<=[.!?]  ))"
# "(Pause) the video first." goes on.
_NEXT_SENTENCE = r"(?=\s*(?:$|[\n\"'*(\[]|(?-i:[A-Z])|\d|[^\x00-\x7f]))"

_STAGE = re.compile(
    rf"{_BEFORE_A_SENTENCE}(?:(?P<star>\*{{1,2}}|_){_DIRECTION}{_END}(?P=star)(?![A-Za-z0-9*_])"
    rf"|[(\[]{_MANNER}[)\]](?!\(){_NEXT_SENTENCE}"
    rf"|[(（\[【]{_DIRECTION}{_END}[)）\]】](?!\(){_NEXT_SENTENCE})"
    # Inside a sentence or at its end: what can be nothing else.
    rf"|(?<![A-Za-z0-9*_])(?:\*(?:\w+ly )?(?:{_VOICED})(?: \w+ly| to \w+| at \w+)?\*"
    rf"|[(\[](?:\w+ly )?(?:{_VOICED})(?: \w+ly| to \w+| at \w+)?[)\]](?!\()"
    rf"|\*(?:{_DIRECTION})\*(?=\s*$))"
    rf"|[（(【]\s*{_LAUGH}\s*[）)】](?=\s*(?:$|[。！？!?\n]))",
    re.IGNORECASE,
)
# Begun in one unit, to be closed in a later one: units are cut at punctuation.
_OPEN = re.compile(
    rf"{_BEFORE_A_SENTENCE}([*(（\[【]){_DIRECTION}\s*[，,、…；;]?[^*()（）\[\]【】\n.!?。！？]{{0,60}}$",
    re.IGNORECASE,
)
_CLOSERS = {"(": ")", "（": "）", "[": "]", "【": "】", "*": "*"}
# A direction ends in its sentence or was none, and is no longer than this.
_LONGEST = 80
_SENTENCE_END = re.compile(r"[.!?。！？\n]")


def without_directions(text: str, before: str) -> str:
    """Returns a unit without its stage directions.

    Args:
        text: The unit.
        before: What was written before it: a direction may have begun there.
    """
    opened = _OPEN.search(before[-_LONGEST - 20 :]) if before else None
    if opened:
        closer = _CLOSERS[opened[1]]
        end = text.find(closer, 0, _LONGEST)
        inside = text[: end if end >= 0 else len(text)]
        if not _SENTENCE_END.search(inside.rstrip(".。!！… ")) and len(inside) < _LONGEST:
            if end < 0:
                return ""
            text = text[end + 1 :]
    # Whether a sentence begins here is told by what was before.
    lead = before[-3:]
    text = apply((Rule(frozenset("*_(（[【"), _STAGE, ""),), lead + text, len(lead))
    begun = _OPEN.search(text)
    return text[: begun.start()] if begun else text
