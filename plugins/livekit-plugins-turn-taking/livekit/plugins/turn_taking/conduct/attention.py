"""Whom the agent listens to when several people are in the room.

It keeps to the one who addressed it, and turns to another who speaks while that one is silent.
Times are in seconds, by any clock.
"""

from __future__ import annotations

from dataclasses import dataclass

HOLD = 1.0
"""Silence of the one who is listened to, in seconds, before somebody else is: their own pauses are
shorter."""

TAKE = 0.3
"""Speech that counts as speaking to the agent, in seconds: a cough is shorter."""


@dataclass
class _Person:
    began: float | None = None
    """When they began to say what the agent has not heard."""
    speaking: bool = False
    paused: float = float("-inf")


class Attention:
    """The rules. Nobody is listened to until somebody is turned to."""

    def __init__(self, hold: float = HOLD, take: float = TAKE) -> None:
        self.to: str | None = None
        self._hold = hold
        self._take = take
        self._people: dict[str, _Person] = {}

    def turn(self, who: str) -> None:
        """Listen to this person from now on; whoever was listened to has been heard so far."""
        self.arrives(who)
        before = self._people.get(self.to or "")
        if before and who != self.to:
            before.speaking, before.began = False, None
        self.to = who

    def arrives(self, who: str) -> None:
        """A person is in the room."""
        self._people.setdefault(who, _Person())

    def speaks(self, who: str, now: float) -> None:
        """A person begins to speak."""
        person = self._people.setdefault(who, _Person())
        person.speaking = True
        if person.began is None:
            person.began = now
        if who == self.to:
            self._forget_asides()

    def pauses(self, who: str, now: float) -> None:
        """A person has fallen silent, if they are still here."""
        person = self._people.get(who)
        if person is None:
            return
        person.speaking, person.paused = False, now
        if person.began is not None and now - person.began < self._take:
            person.began = None
        if who == self.to:
            person.began = None
            self._forget_asides()

    def leaves(self, who: str) -> str | None:
        """A person leaves the room; whom to listen to in their place, if there is anybody."""
        self._people.pop(who, None)
        if who == self.to:
            # Who is speaking, else who has been here longest.
            waiting = sorted(self._people, key=lambda name: not self._people[name].speaking)
            self.to = waiting[0] if waiting else None
        return self.to

    def due(self) -> tuple[float, str, float] | None:
        """When to turn to whom, and since when they have spoken, if nothing changes until then."""
        listened = self._people.get(self.to or "", _Person())
        if listened.speaking:
            return None
        asking = [
            (person.began, who)
            for who, person in self._people.items()
            if who != self.to and person.began is not None
        ]
        if not asking:
            return None
        began, who = min(asking)
        return max(began + self._take, listened.paused + self._hold), who, began

    def _forget_asides(self) -> None:
        """What others said while the one who is listened to spoke was not for the agent."""
        for who, person in self._people.items():
            if who != self.to and not person.speaking:
                person.began = None
