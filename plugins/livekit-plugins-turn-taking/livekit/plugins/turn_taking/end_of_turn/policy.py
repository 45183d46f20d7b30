"""How long to wait at a pause: the policy that comes with the agent."""

from __future__ import annotations

from .clause import Clause
from .state import Pause

SURE = {Clause.FINISHED: 0.3, Clause.OPEN: 0.8}
"""How much the voice has to sound like an end, 0 to 1, to be believed at once, chosen on the
training half of `make bench-endturn`. What sounds less like one proves nothing: a quarter of the
Chinese ends are below 0.2."""

DOUBTED = 0.6
"""Seconds that are waited at most where only the voice speaks against an end: no pause of the
training half comes after a finished clause, and somebody who pauses long elsewhere still wants an
answer to a question."""

PREFACED = 0.6
"""Seconds that are waited at least after a word that comes before the matter itself, whatever the
voice: "Thank you very much." falls as any sentence does, and half a second later comes "Goodbye."
Who only stopped the agent, greeted it or thanked it does not wait for an answer."""

WISHED = 1.0
"""Seconds that are waited after a wish, whatever the voice: it falls, as at any end of a sentence,
before what is to be arranged is told, too. Three of four pauses of 0.4 to 1.4 s are over by
then, the price of an answer that comes so much later where the wish was all."""

_AT_LEAST = {Clause.PREFACE: PREFACED, Clause.WISH: WISHED}

BRIEF = 0.35
"""Seconds of voice in a cough, or in a "yes": nothing that a turn would be cut in two of. Its
words, if it has any, are waited for by the session."""

BRIEF_WAIT = 0.5
"""Seconds that are waited for what may have been a cough."""


class EndpointingPolicy:
    """Waits the shorter, the more the words, the voice and the person's habits speak for an end.

    Args:
        shortest: What is waited when they agree, in seconds.
        longest: What is waited for somebody in the middle of a sentence, in seconds.
        words: Whether the recogniser knows the words at a pause. One that does not stream hears
            nothing before the turn is over, so that to wait for its words would be in vain: voice
            and habits decide alone.
    """

    def __init__(self, *, shortest: float, longest: float, words: bool = True) -> None:
        self.shortest = shortest
        self.longest = longest
        self.words = words

    def __call__(self, pause: Pause) -> float:
        """Seconds of silence that end the turn."""
        clause = pause.clause if self.words else Clause.OPEN
        if clause is None:
            return BRIEF_WAIT if pause.voiced < BRIEF else self.longest
        if clause is Clause.UNFINISHED:
            return self.longest
        if least := _AT_LEAST.get(clause):
            return min(max(pause.usual, least), self.longest)
        if pause.ending is not None and pause.ending >= SURE[clause]:
            return self.shortest
        most = min(DOUBTED, self.longest) if clause is Clause.FINISHED else self.longest
        return min(max(pause.usual, self.shortest), most)
