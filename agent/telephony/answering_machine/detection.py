"""Tells a person who picked up from a machine that takes a message. A policy without a clock.

Three things tell them apart: the words, where the recogniser got them; how long the greeting
goes on without a pause (a person says "hello?" and waits); and a beep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent.languages import LANGUAGES, any_of, words

AnsweredBy = Literal["person", "machine", "menu", "unreachable"]
"""``machine`` takes a message, ``menu`` wants keys, ``unreachable`` is an announcement that takes
neither."""

# Whoever is called abroad has a machine that speaks another language than the agent does.
_HEARD = [words(language).answering_machine for language in LANGUAGES]
_UNREACHABLE = any_of(text for each in _HEARD for text in each.unreachable)
_VOICEMAIL = any_of(text for each in _HEARD for text in each.voicemail)
_MENU = any_of(text for each in _HEARD for text in each.menu)
_ABSENT = any_of(text for each in _HEARD for text in each.absent)

# Asterisk's app_amd takes a greeting of more than 1.5 s for a machine's. Here there are words to go
# by, receptionists speak for up to 5 s, and as a machine's beep is waited for anyway, who is
# recognised late gets the message no later. Seconds.
_MACHINE_GREETING = 6.0
# app_amd's after_greeting_silence.
_PAUSE_AFTER_SHORT_GREETING = 0.8
# What a recogniser may take for a short greeting's words; without them the timing decides.
_WAIT_FOR_WORDS = 1.5
# What is longer than app_amd's 1.5 s may be an announcement or a menu, which only words tell from a
# person: they are worth more waiting. Whisper base needs 0.5 to 3 s on two busy cores.
_SHORT_GREETING = 1.5
_WAIT_FOR_MANY_WORDS = 4.0
# Someone who says nothing waits to be spoken to.
_SILENT_LINE = 4.0
# A machine that never beeps: its greeting has ended when it has been silent for so long.
_GREETING_END_PAUSE = 2.5
# No greeting is longer; whoever still talks then is spoken to. LiveKit's own detector waits 20 s.
_LONGEST_GREETING = 30.0


@dataclass
class AnswerDetector:
    """Decides who picked up. All times are in seconds after the answer.

    Feed it what is heard, as it is heard, and ask for the :meth:`answered_by`; anything but a
    person is heard out until its greeting is :meth:`greeting_over`.
    """

    _began: float | None = None
    _ended: float | None = None
    """When the last speech ended; None while it goes on."""
    _spoken: float = 0.0
    """Longest stretch of speech without a pause that a person would leave, until its last end."""
    _stretch: float = 0.0
    """When the present stretch began."""
    _words: str = ""
    _words_at: float | None = None
    _beeped: float | None = None

    def speech_began(self, at: float) -> None:
        """Somebody began to speak."""
        if self._began is None:
            self._began = at
        if self._ended is None or at - self._ended > _PAUSE_AFTER_SHORT_GREETING:
            self._stretch = at
        self._ended = None

    def speech_ended(self, at: float) -> None:
        """They fell silent."""
        self._ended = at
        self._spoken = max(self._spoken, at - self._stretch)

    def heard(self, words: str, at: float, *, whole: bool = True) -> None:
        """Take more of what was said; ``whole`` if it is all of it until its last pause."""
        self._words = f"{self._words} {words}"
        if whole and words.strip():  # an empty transcript means that it was not understood
            self._words_at = at

    def beep(self, at: float) -> None:
        """A beep ended."""
        self._beeped = at

    def answered_by(self, now: float) -> AnsweredBy | None:
        """Who picked up, or None while that is undecided.

        More words can make a menu or an announcement of what was a machine.
        """
        if _UNREACHABLE.search(self._words):
            return "unreachable"
        if _MENU.search(self._words) and not _VOICEMAIL.search(self._words):
            return "menu"
        if self._beeped is not None or any(
            words.search(self._words) for words in (_VOICEMAIL, _ABSENT)
        ):
            return "machine"
        if self._began is None:
            return "person" if now >= _SILENT_LINE else None
        spoken = max(self._spoken, now - self._stretch if self._ended is None else 0.0)
        if spoken >= _MACHINE_GREETING:
            return "machine"
        if self._ended is None:
            return None
        pause = _WAIT_FOR_WORDS if spoken <= _SHORT_GREETING else _WAIT_FOR_MANY_WORDS
        if self._understood:
            pause = _PAUSE_AFTER_SHORT_GREETING
        return "person" if now - self._ended >= pause else None

    def greeting_over(self, now: float) -> bool:
        """Whether a machine has finished its greeting, and now records or waits for a key."""
        if now >= _LONGEST_GREETING:
            return True
        if self._beeped is not None and self._beeped >= self._stretch:
            return True  # a beep before the greeting does not count
        pause = _GREETING_END_PAUSE if self._understood else _WAIT_FOR_MANY_WORDS
        return self._ended is not None and now - self._ended >= pause

    @property
    def _understood(self) -> bool:
        """Whether all is known that was said until the present silence."""
        if self._words_at is None or self._ended is None:
            return False
        return self._words_at >= self._ended
