"""English: which words a clause does not end with, and which ones end it."""

from __future__ import annotations

import re

from ...languages import words as words_of
from .word_lists import any_of

_ENDS = words_of("en").ends
_HESITATIONS = frozenset(_ENDS.hesitations)
# Hesitations where they are all that was said so far, ends of a sentence elsewhere ("I'm well").
_BEGINNINGS = any_of("well so anyway basically actually now")

_LEADS_ON = frozenset(_ENDS.leads_on)
# May end a question or a relative clause ("who are you talking to"), not a plain statement.
_PREPOSITIONS = any_of(
    "of with from to for at by into onto near between about against during without like as"
)
# Belong to a verb ("turn it on", "come in") or begin the next phrase ("the lights in").
_PARTICLES = any_of("in on")
_PHRASAL = any_of(
    "come came go went log check get got bring brought fill filled plug move moved sign put"
    " turn turned hold keep kept carry switch switched let try tried"
)
_OBJECTS = any_of("it them that this these those me him her us")
# May end a short answer ("yes, I do", "what time it is"), where a pronoun stands before.
_AUXILIARIES = any_of(
    "is are was were am be been have has had do does did will would can could should may"
    " might must shall isn't aren't wasn't don't doesn't didn't won't can't couldn't"
)
_PRONOUNS = any_of("i you he she it we they that this there these those")
_QUESTION = any_of("what who whom whose which where when why how")
_SUBJECTS = any_of("i you he she it we they the my your his her our their")
_SUBORDINATE = any_of("if after although though while before once unless whenever as")

_SO = any_of("think hope guess suppose believe say said do did if or even is just why not far be")

# After these a verb has yet to come ("what do you"), unless they are a tag ("do you?").
_HELPERS = any_of("do does did can could will would should may might must")
_OBJECT_THAT = any_of(
    "like of about do did know see hear heard say said love hate want need get got mean take"
    " have with to for is was understand believe at on than"
)

# What somebody says before the thing itself.
_OPENERS = re.compile(
    r"(?:^|\b(?:and|so|well|um|uh|yes|no|but|please|hi|hello|hey|okay|then|start)\s)(?:"
    r"i(?:'d| would) (?:like|love)(?: to| to know| to ask| to say| you to)?"
    r"|i (?:want|wanted|need|needed|have|tried|just wanted)"
    r"(?: to| to know| to ask| to say| you to)?"
    r"|i(?:'m| am| was)? (?:think|thinking|guess|suppose|mean|believe|wonder|wondering|looking)"
    r"(?: that| if| maybe| about)?"
    r"|(?:can|could|would|will) you(?: please| maybe| help me)?"
    r"(?: (?:tell me|explain|show me|check|find))?"
    r"|(?:do you know|tell me|remind me|remind me to|the (?:thing|problem|reason|question) is)"
    r"|(?:she|he|they|it) (?:said|says|told (?:me|us|him|her))(?: that)?"
    r"|how do you(?: say)?|let me (?:think|see)|you know|i mean|actually"
    r")$|\b(?:sort of|kind of|such as|trying to|going to|calling is|would please explain"
    r"|(?:saying|said|thinking|meaning|hoping|sure|is|are|was|were|me|us) that"
    r"|(?:is|are|was|were|thinking that) maybe"
    r"|(?<!\bdo )(?<!\bas )(?<!\bdid )(?<!\blet )you know)$"
)
_COMPLETE = frozenset(_ENDS.complete)
_LAST = frozenset(_ENDS.finished_by)

_DIGIT = frozenset(_ENDS.digits)
_DICTATION = re.compile(rf"\b(?:{'|'.join(_ENDS.dictation)})\b")
_SPELLED = re.compile(r"\b(?:at|dot|dash|slash|underscore)$")
# Marks of an address that are spoken between its parts, and what doubles the next figure. After
# these words they are something else: "put a dot", "I have to dash".
_MARKS = any_of("dot dash slash backslash hyphen underscore double triple")
_NO_MARK_AFTER = any_of("a an the to this that my your one every another polka it is was")
# "A as in alpha": a word that is being spelled goes on with its next letter.
_LETTER = re.compile(r"(?:^|\s)(?:([a-z]) as in \1|([a-hj-z]) (?:for|like) \2)[a-z]+$")


def is_unfinished(clause: str, text: str) -> bool:
    """Whether something has to follow.

    Args:
        clause: The last one, without the punctuation that ends it.
        text: All of the turn.
    """
    words = _words(clause)
    normal = " ".join(words)
    if not words or normal in _COMPLETE:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    # "What I want is" asks nothing.
    asks = not _QUESTION.isdisjoint(words) and words[1:2] != ["i"]
    if (last in _MARKS and before not in _NO_MARK_AFTER) or _LETTER.search(normal):
        return True
    if last in _HESITATIONS or (last in _BEGINNINGS and len(words) < 3):
        return True
    if last == "so":
        return before not in _SO
    if last in _PRONOUNS and before in _HELPERS:
        return words[0] in _QUESTION or words[0] == before
    if last in _LEADS_ON:
        tag = last in _SUBJECTS and before in _AUXILIARIES  # "isn't he"
        return not (tag or (last == "while" and before == "a"))
    if _OPENERS.search(normal) or _is_dictation(words, text):
        return True
    if last == "that":
        return len(words) > 2 and before not in _OBJECT_THAT | _AUXILIARIES
    if last in _PREPOSITIONS:
        return not asks and before not in ("nothing", "something", "complain", "talk", "not")
    if last in _PARTICLES:
        phrasal = before in _OBJECTS or (
            not _PHRASAL.isdisjoint(words) and _PARTICLES.isdisjoint(words[:-1])
        )
        return not asks and len(words) > 2 and not phrasal
    if last in _AUXILIARIES:
        return not asks and before not in _PRONOUNS | _AUXILIARIES
    # "When I was young", not "When was it built": the subject stands before the verb.
    subordinate = words[0] in _SUBORDINATE or (
        words[0] == "when" and words[1:2] and words[1] in _SUBJECTS
    )
    return bool(subordinate) and len(words) < 9 and "," not in clause and "then" not in words[:-1]


def is_finished(clause: str) -> bool:
    """Whether it wants nothing more; told of a clause that is not unfinished."""
    words = _words(clause)
    return " ".join(words) in _COMPLETE or (len(words) > 2 and words[-1] in _LAST)


def _is_dictation(words: list[str], text: str) -> bool:
    """Whether a number or an address is being told piece by piece."""
    tail = 0
    for word in reversed(words):
        digits = word.replace("-", "")
        if word not in _DIGIT and not (digits.isdigit() and len(digits) < 5):
            break
        tail += 1
    if tail >= 3 or (tail and _DICTATION.search(text.lower())):
        return True
    return bool(_SPELLED.search(" ".join(words)) and _DICTATION.search(text.lower()))


def _words(clause: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:['’-][a-z0-9]+)*", clause.lower().replace("’", "'"))
