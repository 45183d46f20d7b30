"""What the listener hears, estimated on our own clock.

LiveKit's audio channel has no back-pressure and plays what it is given at once, so the moment and
the length of what was pushed tell how much is still waiting to be played. It does not play while
it holds a reply whose turn is not decided, nor in a pause for what may be an interruption: the
session tells when it does, and the listener's time stands still in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Any

from livekit.agents import AgentSession, AgentStateChangedEvent

_SOON = 1e-3
"""Seconds: less than any word lasts, more than sums of durations are wrong by."""


class ListenerTime:
    """A clock that runs only while the agent is heard, as the session tells it.

    Args:
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._passed = 0.0
        self._since: float | None = None
        self.told = False
        """Whether a session tells when the agent is heard; until then the clock stands still."""

    def follow(self, session: AgentSession[Any]) -> None:
        """Run while the agent of a session speaks."""
        self.told = True

        @session.on("agent_state_changed")
        def _(event: AgentStateChangedEvent) -> None:
            self.run(event.new_state == "speaking")

    def __call__(self) -> float:
        """Return the seconds for which the clock has run."""
        return self._passed + (self._clock() - self._since if self._since is not None else 0.0)

    def run(self, running: bool) -> None:
        """Start the clock or stop it."""
        self._passed = self()
        self._since = self._clock() if running else None


class Playback:
    """The audio of one reply between us and the listener.

    Args:
        clock: Seconds on a clock that never steps back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = 0.0
        self._holes: list[tuple[float, float]] = []  # when each begins, and how long it is
        self.pushed = 0.0
        """Seconds of audio pushed since the beginning."""

    @property
    def ahead(self) -> float:
        """Seconds of audio pushed and not yet played."""
        return max(0.0, self._end - self._clock())

    @property
    def idle(self) -> float:
        """Seconds of silence heard since the audio pushed so far ran out, 0 before any."""
        return max(0.0, self._clock() - self._end) if self.pushed else 0.0

    @property
    def position(self) -> float:
        """When what is pushed now will be heard, in seconds since the first audio was heard."""
        return self._heard + self.idle

    def dry_before(self, moment: float) -> float:
        """Return for how many seconds in all playback had run dry before a moment.

        Args:
            moment: Seconds since the first audio was heard.
        """
        holes = [*self._holes, (self._heard, self.idle)]
        return sum(length for begin, length in holes if begin < moment - _SOON)

    @property
    def _heard(self) -> float:
        """When all that was pushed will have been heard, in seconds since the first audio."""
        return self.pushed + sum(length for _, length in self._holes)

    def push(self, seconds: float) -> None:
        """Count audio that was handed over now."""
        if self.idle:
            self._holes.append((self._heard, self.idle))
        self._end = max(self._end, self._clock()) + seconds
        self.pushed += seconds


@dataclass
class Pace:
    """How fast the server makes speech and the voice speaks, learnt from the units so far.

    One object serves all replies of a TTS; nothing is known of a server before its first unit.
    """

    per_syllable: float = 0.22
    """Seconds of sound per syllable; 0.22 is 4.5 a second, ordinary speech in both languages."""
    first_audio: float = 0.0
    """Seconds from a request to its first audio."""
    _rtfs: deque[float] = field(default_factory=lambda: deque(maxlen=8))
    _delays: deque[float] = field(default_factory=lambda: deque(maxlen=8))
    _joins: deque[float] = field(default_factory=lambda: deque(maxlen=8))

    @property
    def rtf(self) -> float:
        """Seconds to make a second of audio, after the first; 0 while unknown."""
        return median(self._rtfs) if self._rtfs else 0.0

    def seconds(self, syllables: int) -> float:
        """Return how long a text is expected to sound."""
        return syllables * self.per_syllable

    def spoke(self, syllables: int, seconds: float) -> None:
        """Learn from a unit that took `seconds` of sound without its silences."""
        if syllables >= 4 and seconds > 0:
            # Numbers and abbreviations are read out at a length that their syllables do not tell.
            measured = min(0.5, max(0.1, seconds / syllables))
            self.per_syllable += 0.3 * (measured - self.per_syllable)

    def arrived(self, asked: float, chunks: Sequence[tuple[float, float]]) -> None:
        """Learn from the arrival of a unit's audio.

        Args:
            asked: When it was requested.
            chunks: The arrival and the seconds of audio of each network chunk.
        """
        if not chunks:
            return
        first, total = chunks[0][0], sum(seconds for _, seconds in chunks)
        wait = first - asked
        self.first_audio = wait if not self.first_audio else (self.first_audio + wait) / 2
        rest = total - chunks[0][1]
        if rest > 0.5:
            self._rtfs.append((chunks[-1][0] - first) / rest)
        delay = before = 0.0
        for at, seconds in chunks:
            delay = max(delay, at - first - before)
            before += seconds
        self._delays.append(delay)

    def whole(self, seconds: float) -> float:
        """Return how long a unit may take until all of its audio is there, with a margin of half.

        While no speed has been measured, that is infinite.
        """
        return 1.5 * (self.first_audio + self.rtf * seconds) if self._rtfs else inf

    def joined(self, delay: float) -> None:
        """Learn how long a reply's first unit had to be held for the second to follow in time.

        Args:
            delay: The hold that would have done; zero or less if none was needed.
        """
        self._joins.append(delay)

    def start_delay(self, seconds: float) -> float:
        """Return how long to hold the first audio of a unit so that it does not run dry.

        The answer is what would have kept the last eight units free of holes, or what a server
        slower than real time needs for a unit of `seconds`; zero for a fast server.
        """
        return _worth_it(max(_usual(self._delays), (self.rtf - 1.0) * seconds))

    def join_delay(self) -> float:
        """Return how long to hold a reply's first audio so that its second unit comes in time."""
        return _worth_it(_usual(self._joins))


def _usual(delays: deque[float]) -> float:
    """Return the second longest of the delays: a single stall is not a pattern."""
    return sorted(delays)[-2] if len(delays) > 1 else max(delays, default=0.0)


def _worth_it(delay: float) -> float:
    # LiveKit's output queue covers a frame of 20 ms; beyond two seconds a hole is the lesser evil.
    return min(2.0, delay) if delay > 0.02 else 0.0
