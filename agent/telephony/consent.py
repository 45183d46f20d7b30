"""A yes before anything that has effects. The code asks, and the code hears the yes."""

from __future__ import annotations

import re

from ..settings import Language
from .keys import Keys
from .question import Question

_HINT: dict[Language, str] = {"en": "Say yes, or press 1.", "zh": "请说“是的”，或按1。"}
_AGAIN: dict[Language, str] = {
    "en": "Sorry, I need a yes or a no. Press 1 for yes, 2 for no.",
    "zh": "抱歉，我需要您确认：是请按1，不是请按2。",
}
# To somebody who has no keys.
_AGAIN_IN_WORDS: dict[Language, str] = {
    "en": "Sorry, I need a yes or a no.",
    "zh": "抱歉，请说“是的”或者“不要”。",
}
# A no wins over a yes: "no, yes, wait" is not one.
_NO = re.compile(
    r"\b(?:no|nope|not|don't|do not|never|stop|cancel|wait|nah)\b|不|别|没|取消|等一下|等等|算了",
    re.I,
)
_YES = re.compile(
    r"\b(?:yes|yeah|yep|yup|sure|okay|ok|go ahead|do it|correct|that's right|all ?right"
    r"|of course)\b"
    # In Chinese only where it stands for itself: 你是谁 and 银行 hold no yes.
    r"|(?:^|[，。！,.!\s])(?:是|对|好|行|可以|嗯|确认|当然)+(?:的|吧|啊|呀|了|[，。！,.!\s]|$)",
    re.I,
)
_NO_PROBLEM = re.compile(r"没问题|没关系|\bno problem\b|\bwhy not\b|\bdon't mind\b", re.I)


def meant(words: str) -> bool | None:
    """Whether words mean yes (True) or no (False); None if they mean neither."""
    if _NO_PROBLEM.search(words):
        return True
    if _NO.search(words):
        return False
    return True if _YES.search(words) else None


class Consent(Question[bool]):
    """Asks for a yes; 1 on the keys is one too, and any other key is a no.

    Nobody agrees to what they have not heard: the question cannot be talked over.

    Args:
        question: What will be done, as a question.
        language: Language of the caller.
        keys: Tells of the keys that are pressed; None for somebody who has none.
        answer_timeout: Longest silence before it is asked again, in seconds.
    """

    def __init__(
        self, question: str, *, language: Language, keys: Keys | None, answer_timeout: float
    ) -> None:
        super().__init__(
            ask=f"{question} {_HINT[language]}" if keys else question,
            again=(_AGAIN if keys else _AGAIN_IN_WORDS)[language],
            keys=keys,
            answer_timeout=answer_timeout,
            heard_out=True,
        )

    def pressed(self, key: str) -> bool:
        """Whether the key means yes: 1 does, any other means no."""
        return key == "1"

    def said(self, words: str) -> bool | None:
        """Yes, no, or neither."""
        return meant(words)
