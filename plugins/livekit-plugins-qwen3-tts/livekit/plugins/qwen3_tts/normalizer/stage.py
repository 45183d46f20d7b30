"""What counts as a stage direction: *smiles*, （笑）, [laughs].

A short list on purpose: *emphasis* and (an aside) are words to be said, and dropping one of them
is worse than saying a direction.
"""

from __future__ import annotations

import re

_REST = r"[^*_()（）\[\]【】\n]{0,60}?"
_VERB = (
    r"(?:smil|laugh|chuckl|giggl|sigh|gasp|grin|grinn|cough|sniff|sniffl|sob|sobb|cri|cry|whisper"
    r"|shrug|shrugg|nod|nodd|wink|bow|paus|clap|clapp|groan|yawn|hum|humm|blush|frown|gulp"
    r"|hesitat|exhal|inhal|snicker|smirk|cheer|beam|breath)(?:es|s|ing|e)?"
)
_GESTURE = (
    r"(?:clear|lean|tilt|shak|tak|roll|rais|wav|look|scratch|rub|turn)(?:es|s|ing)\s+"
    r"(?:(?:a|an|his|her|their|its|the|my)\s+)?"
    r"(?:throat|in|forward|back|closer|head|deep breath|breath|eyes?|eyebrow|brow|hands?|hello"
    r"|goodbye|away|around|down|up|chin)"
)
_NOUN = r"(?:\w+ )?(?:laughter|laugh|applause|music|silence|beat|pause|sigh)"
_ENGLISH = (
    rf"(?:(?:\w+ly,?\s+)?(?:{_GESTURE}|{_VERB})"
    rf"(?:\s+(?:\w+ly|and|at|to|with|a|his|her|in|into|out|again|then|while)\b{_REST}|,{_REST})?"
    rf"|{_NOUN})"
)
_CHINESE = (
    r"(?:[\u4e00-\u9fff]{0,6}[地的])?"
    r"(?:[微大苦偷轻傻坏]?笑|叹气|叹息|叹了?一?口气|咳嗽?|清了?清?嗓子|点了?点?头|摇了?摇?头|停顿"
    r"|沉默|思考|沉思|想了想|鼓掌|耸了?耸?肩|眨了?眨?眼睛?|挥了?挥?手|鞠躬|哭泣?|抽泣|低声|小声"
    r"|轻声|激动|兴奋|惊讶|害羞|温柔|开心|音乐声?|掌声|笑声|深呼吸|深吸一口气|吸气|皱眉|歪头|拥抱)"
    # "（笑话）" and "（音乐节）" are words: only these may follow.
    rf"(?:(?:[了着地声起说片]|一[下会声]|[，,、]){_REST})?"
)
_DIRECTION = rf"\s*(?:{_ENGLISH}|{_CHINESE})"

STAGE = re.compile(
    rf"(?<![A-Za-z0-9*_])(\*{{1,2}}|_){_DIRECTION}[.。…!！]?\s*\1(?![A-Za-z0-9*_])"
    rf"|[(（\[【]{_DIRECTION}[.。…!！]*\s*[)）\]】](?!\()",
    re.IGNORECASE,
)
# Begun in this unit, to be closed in a later one: units are cut at punctuation.
OPEN_STAGE = re.compile(
    rf"(?<![A-Za-z0-9*])([*(（\[【]){_DIRECTION}\s*[，,、.。…；;][^*()（）\[\]【】\n]*$",
    re.IGNORECASE,
)
