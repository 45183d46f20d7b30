"""Where a turn ends: what is known at a pause, and how long to wait then.

Nobody can tell from silence alone whether somebody has finished. Three witnesses can together: the
words (:mod:`.clause`), the sound of the voice before the pause, and how long this person usually
pauses (:mod:`.pauses`). Where they agree on an end, the answer comes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .clause import Clause
from .pauses import Pauses
from .transcript import TurnTranscript

VOICE_STAYS = 0.15
"""How much below the probability that begins speech it goes on: Silero's own figure."""

MIN_SPEECH = 0.05
"""Seconds of voice that begin a turn: LiveKit's own figure for Silero, two of its windows."""

LISTEN_AT = (0.06, 0.19, 0.28)
"""Seconds of silence after which the sound before it is judged: two, six and nine windows. One
would ask at gaps between words. A model that has doubts at first hears more of an end in the
silence itself, of a sentence that goes on as well: so it is asked again only where the words are a
finished clause. In the training half of ``make bench-endturn`` no pause comes after one."""

CONVINCED = 0.8
"""How much a voice sounds like an end for it not to be judged again."""

GOES_ON = 1.0
"""Seconds of silence up to which a new turn is taken for the same one, cut off too early."""


@dataclass(frozen=True)
class Pause:
    """What is known of the pause that a speaker is making."""

    clause: Clause | None
    """How the words end; None while those before the pause are not known."""
    ending: float | None
    """How much the voice sounded like the end of a turn, 0 to 1; None while nobody has said."""
    voiced: float
    """Seconds of voice in the turn so far."""
    usual: float
    """Seconds within which this person goes on, as a rule."""


Wait: TypeAlias = Callable[[Pause], float]
"""A policy: how many seconds of silence end the turn, as far as is known. Asked again whenever more
is known. :class:`.EndpointingPolicy` is one, your own function another."""

Change: TypeAlias = Literal["begins", "pauses", "ends"]


class Endpoint:
    """One person's turns, one after the other.

    Pure: its clock is the audio itself, so that it is tested without time passing.

    Args:
        wait: How long to wait.
        pauses: What is known of the person.
        words: What is known of the turn's words.
        threshold: Probability above which a window begins speech.
    """

    def __init__(
        self, wait: Wait, pauses: Pauses, words: TurnTranscript, *, threshold: float = 0.5
    ) -> None:
        self._wait = wait
        self._threshold = threshold
        self._pauses = pauses
        self._words = words
        self.speaking = False
        """Whether it is this person's turn."""
        self._onset = 0.0
        self.voiced = 0.0
        """Seconds of voice in the turn so far."""
        self.silence = 0.0
        """Seconds since the last voice."""
        self._ending: float | None = None

    def window(self, probability: float, seconds: float) -> Change | None:
        """Account for one more window of audio.

        Args:
            probability: Of voice in it.
            seconds: Its length.

        Returns:
            Whether with it the turn begins, pauses for long enough to judge its sound, or ends.
        """
        if probability >= self._threshold - (VOICE_STAYS if self.speaking else 0.0):
            return self._voice(seconds)
        self._onset = 0.0
        before = self.silence
        self.silence += seconds
        if self._ends():
            return "ends"
        return "pauses" if self._to_be_judged(before) else None

    def reconsider(self) -> Change | None:
        """Say whether the turn ends now that the words are other ones."""
        return "ends" if self._ends() else None

    def judged(self, ending: float) -> Change | None:
        """Take how much the voice before this pause sounded like the end of a turn, 0 to 1."""
        if self.speaking and self.silence:
            self._ending = max(ending, self._ending or 0.0)
        return self.reconsider()

    def reset(self) -> None:
        """Forget the turn."""
        self.speaking = False
        self._onset = self.voiced = 0.0

    def _voice(self, seconds: float) -> Change | None:
        self._onset += seconds
        begins = not self.speaking and self._onset >= MIN_SPEECH
        if not (self.speaking or begins):
            self.silence += seconds
            return None
        if begins:
            self.speaking = True
            self._words.begin()
            self.voiced = self._onset
            # The onset was counted as silence until it proved to be voice.
            self.silence = max(self.silence - self._onset + seconds, 0.0)
        else:
            self.voiced += seconds
        if self.silence and (not begins or self.silence <= GOES_ON):
            self._pauses.add(self.silence)
        self.silence = 0.0
        self._ending = None
        self._words.voice(seconds)
        return "begins" if begins else None

    @property
    def pause(self) -> Pause:
        """What is known now."""
        return Pause(self._words.clause, self._ending, self.voiced, self._pauses.usual)

    def _to_be_judged(self, before: float) -> bool:
        first, *later = LISTEN_AT
        if not self.speaking:
            return False
        if before < first <= self.silence:
            return True
        doubted = self._ending is None or self._ending < CONVINCED
        finished = self.pause.clause is Clause.FINISHED
        return doubted and finished and any(before < at <= self.silence for at in later)

    def _ends(self) -> bool:
        if not (self.speaking and self.silence):
            return False
        # Windows of 32 ms add up to no round figures.
        if self.silence < self._wait(self.pause) - 1e-6:
            return False
        self.speaking = False
        return True
