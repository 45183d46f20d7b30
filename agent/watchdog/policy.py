"""How long each stage of a turn may be silent, and which engine is to blame.

Pure: it is told what happens and when, in seconds by any clock, and says when to look again. What
counts is what the caller hears: one silence, which begins with the last of the user's voice, or
when the sound of the reply has run out. By all of it they are told to wait; by its own share an
engine is blamed, and given up where they had been told before. The voice's is the time in which it
owes sound for words that it was given: it is not to blame for those that the model still owes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent.telemetry.engines import Engine

_GAP = 0.5
"""Seconds without sound within a reply that are a pause of its own: those between two sentences,
and those of a voice that is only just fast enough."""
_STALLED = 1.0
"""Seconds without a token after which it is the model that holds the voice up: one that writes
slowly enough to be read along still writes twice a second."""
_PAUSE = 1.0
"""Seconds of silence before the end of a turn that count at most: who has stopped in the middle of
a sentence has kept the floor for longer, by their own choice."""


TOLERANCE = 0.001
"""Seconds by which a timer may come early: clocks are rounded."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a silence lasts before something is done; in seconds."""

    say_after: float
    """Until the caller is told to wait."""
    repeat_after: float
    """Until they are told again."""
    give_up_after: float
    """Of an engine's own, until it is given up; counted from the beginning, too."""


@dataclass(frozen=True)
class Late:
    """The caller waits."""

    engine: Engine | None
    """What keeps them waiting; None if that is well again, and the next one has only just begun."""


@dataclass(frozen=True)
class GivenUp:
    """An engine has had all the time there is."""

    engine: Engine


class TurnWatch:
    """Watches one conversation, turn after turn.

    Args:
        patience: How long a silence may last.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._user_speaks = False
        self._in_turn = False
        """Whether the user has spoken since the last reply was over."""
        self._tool_runs = False
        self._busy = False
        self._served = False
        """Whether the agent has been busy since the model was asked: replies are begun early."""
        self._voice_at = float("-inf")
        """When the user's voice was last heard."""
        self._recognised_at = float("-inf")
        self._unheard = False
        """Whether the user has said something that the recogniser has not answered."""
        self._understood = False
        """Whether there are words of what the user says now."""
        self._asked = False
        """Whether the model has been asked for a reply that is not over."""
        self._announced = False
        """Whether there is something to be said that no model was asked for."""
        self._complete = False
        """Whether the text of the reply is written."""
        self._broken: Engine | None = None
        """What has failed for good in this turn."""
        self._text_at: float | None = None
        self._resumed_at = 0.0
        """When the model began to write, or went on after it had stopped."""
        self._excused_until = 0.0
        """When it did so the last time that the caller had been told to wait for it."""
        self._sound_until: float | None = None
        """When the sound that was made of the reply will have been played."""
        self._model_gaps = self._voice_gaps = 0.0
        """Seconds of silence within the reply that are over, by whose they were."""
        self._since = 0.0
        """When the silence began."""
        self._told_at: float | None = None

    # --- What happens

    def voice(self, now: float) -> None:
        """The user's voice is heard, at this moment."""
        self._voice_at = now

    def user_speaks(self) -> None:
        """The user has begun a turn, or something that may be one: nothing is late meanwhile."""
        self._user_speaks = self._in_turn = True
        self._understood = self._unheard = False
        self._broken = None if self._broken == "stt" else self._broken

    def user_stops(self, now: float, *, heard: bool) -> None:
        """The user's turn is over.

        Args:
            now: The time.
            heard: Whether the recogniser has to say something about it.
        """
        self._user_speaks = False
        answered = self._understood or self._recognised_at > self._voice_at
        self._unheard = heard and not answered
        self._begin(max(min(self._voice_at, now), now - _PAUSE))

    def recognised(self, now: float, *, words: bool) -> None:
        """The recogniser has said something final, be it that there were no words."""
        self._understood = self._understood or words
        self._recognised_at, self._unheard = now, False

    def asked(self, now: float) -> None:
        """The model is asked for a reply, in place of the one before."""
        if not self._asked and not self._in_turn:
            self._begin(now)
        self._asked, self._announced, self._served = True, False, False
        self._new_reply()

    def voicing(self, now: float) -> None:
        """The voice is given a text: of the reply, or one that no model was asked for."""
        if self._sound_until is not None:
            self._sound_until = max(self._sound_until, now)
            self._model_gaps = self._voice_gaps = 0.0
        if not self._asked:
            self._announced = True
            self._begin(now)
            self._new_reply()
            self._text_at, self._resumed_at, self._complete = now, now, True

    def text(self, now: float) -> None:
        """The model has written more."""
        if self._text_at is None or now - self._text_at > _STALLED:
            self._resumed_at = now
            if self._told_at is not None:
                self._excused_until = now
        self._text_at = now

    def broke_off(self, now: float) -> None:
        """The model has failed for good in the middle: what is left is to be spoken."""
        self._resumed_at = self._excused_until = now
        self._complete = True

    def complete(self) -> None:
        """The model has written all."""
        self._complete = True

    def frame(self, now: float, seconds: float) -> None:
        """The voice has made more sound."""
        if self._sound_until is None:
            self._sound_until, self._told_at = now, None
        gap = now - self._sound_until
        if gap > _GAP and self._busy:  # before the turn is certain nothing of it is played
            waited = min(max(self._resumed_at - self._sound_until, 0.0), gap)
            self._model_gaps += waited
            self._voice_gaps += gap - waited
        self._sound_until = max(self._sound_until, now) + seconds

    def sounds(self, now: float) -> None:
        """The reply is heard at this moment, though its sound should have run out by now."""
        if self._sound_until is not None:
            self._sound_until = max(self._sound_until, now)

    def broken(self, engine: Engine) -> None:
        """An engine has failed in a way that no patience mends."""
        self._broken = engine

    def tool(self, now: float, *, runs: bool) -> None:
        """A tool begins, or the last one that ran has ended."""
        self._tool_runs = runs
        self._begin(now)

    def busy(self, busy: bool) -> None:
        """The agent thinks or speaks, or waits for the user again."""
        self._busy = busy
        if busy:
            self._served = True
            return
        self._announced = False
        if self._served:  # else it was the reply before that is over
            self._asked = self._in_turn = False

    def dropped(self) -> None:
        """What was to be said will not be: it was interrupted, or is over without a sound."""
        self._asked = self._announced = False

    # --- What to do about it

    @property
    def replying(self) -> bool:
        """Whether the model has been asked for a reply that is not over."""
        return self._asked

    @property
    def due(self) -> float | None:
        """When to look next; None while nobody is waited for."""
        if self._waited_for is None:
            return None
        return min(self._tell_at, self._end[0])

    def check(self, now: float) -> Late | GivenUp | None:
        """Say what is to be done now, if it is time."""
        if self.due is None or now < self.due - TOLERANCE:
            return None
        over, engine = self._end
        broken = self._broken
        if broken and (broken == "stt") != (engine == "stt"):
            broken = None
        if broken or now >= over - TOLERANCE:
            self._broken = None
            self._unheard = self._asked = self._announced = False
            return GivenUp(broken or engine)
        late = Late(self._late(now))
        self._told_at = now - self._started
        return late

    @property
    def _waited_for(self) -> Literal["transcript", "reply"] | None:
        if self._user_speaks or self._tool_runs:
            return None
        if (self._asked and self._busy) or self._announced:
            return "reply"
        return "transcript" if self._unheard else None

    @property
    def _silent_since(self) -> float:
        """When the silence of this moment began."""
        if self._sound_until is None or self._waited_for == "transcript":
            return self._since
        return max(self._since, self._sound_until)

    @property
    def _started(self) -> float:
        """When a silence as long as all of this turn's would have begun."""
        if self._waited_for == "transcript":
            return self._silent_since
        return self._silent_since - self._model_gaps - self._voice_gaps

    @property
    def _owed_since(self) -> float:
        """When a silence as long as all that is the voice's would have begun."""
        return max(self._silent_since, self._excused_until) - self._voice_gaps

    @property
    def _tell_at(self) -> float:
        """When the caller is to be told to wait."""
        p = self._patience
        told = self._told_at
        return self._started + (p.say_after if told is None else told + p.repeat_after)

    @property
    def _end(self) -> tuple[float, Engine]:
        """When there has been all the time there is, and which engine has had it."""
        limit = self._patience.give_up_after
        if self._waited_for == "transcript":
            return self._silent_since + limit, "stt"
        model = self._silent_since - self._model_gaps + limit
        if self._text_at is None:
            return model, "llm"
        voice = self._owed_since + limit
        stalled = self._text_at + _STALLED
        if self._complete or voice <= stalled:
            return voice, "tts"
        return max(model, stalled), "llm"

    def _late(self, now: float) -> Engine | None:
        if self._waited_for == "transcript":
            return "stt"
        if self._text_at is None or (not self._complete and now - self._text_at > _STALLED):
            return "llm"
        # Words that were long in coming, and are here, are no fault of the voice's yet.
        owed = now - max(self._silent_since, self._resumed_at) + self._voice_gaps
        most = min(self._patience.say_after, (now - self._started) / 2)
        return "tts" if owed >= most - TOLERANCE else None

    def _begin(self, since: float) -> None:
        self._since, self._told_at = since, None

    def _new_reply(self) -> None:
        self._complete, self._broken = False, None
        self._text_at = self._sound_until = None
        self._model_gaps = self._voice_gaps = 0.0
