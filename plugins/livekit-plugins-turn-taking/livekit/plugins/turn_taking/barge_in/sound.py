"""One sound over the agent's speech, and all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from livekit.agents import stt

from ..languages.phrases import tokens
from ..playback.buffer import Samples
from ..playback.sink import SAMPLE_RATE
from .echo import likeness
from .hunch import Hunch
from .policy import Evidence, Verdict
from .voicing import Voicing

WINDOW = 0.032
"""Seconds that Silero judges at once."""
COMPARED = 10
"""Windows of 32 ms that are compared with what was played. Of 120 pairs of clips, 0.32 s of another
voice were at most 0.33 alike, of an echo at least 0.37 (in a simulated room) or 0.46 (without). The
likeness of fewer counts by the root of their number: by chance, 81 of 100 voices are 0.4 alike to
some part of what was played for a window or two. So it is 2 of 100, and of 342 echoes 82 % are
known after three windows, 95 % after five."""
PLAYED = COMPARED * WINDOW + 1.4
"""Seconds of what was played that are compared: the windows, and the longest delay of an echo, the
way to the user and back included: 0.2 on a machine with nothing else to do, one second on one with
more work than cores. Up to 1.4 the same Fourier transform serves."""
_FADING = 0.7
"""Of the likeness a window earlier, what still counts: one of an echo is below 0.4 now and then,
two in a row are not."""
_SILENT = 0.1
"""Amplitude of what is not yet part of a sound, of its loudest window."""
_ECHO_OVER = 0.3
"""Likeness below which an echo is no longer all that is heard."""


@dataclass
class Sound:
    """A sound over the agent's speech; times in seconds on the clock of its tracker."""

    began: float
    last_voice: float
    ducked: float | None = None
    """Seconds from its beginning until the agent's voice was lowered; None while it was not."""
    verdict: Verdict | None = None
    """What it is taken for; None while that is open."""
    faded: bool = False
    """Whether it was taken for a noise in a silence: because it was over, that is."""
    answers: bool = False
    """Whether the agent was at its end, so that the words are the user's turn."""
    words: tuple[str, ...] = ()
    language: str = ""
    """Of the words, as a tag of BCP-47; empty where the recogniser does not say."""
    confidence: float = 0.0
    """How probable the words are, 0 to 1; 0 where the recogniser does not say."""
    final: bool = False
    """Whether no other words will come."""
    held: list[stt.SpeechEvent] = field(default_factory=list)
    """What was recognised while the verdict is open."""
    kept: list[stt.SpeechEvent] = field(default_factory=list)
    """What was recognised of a backchannel, or is doubted: an answer if the agent is at its end."""
    hunch: Hunch | None = None
    """What it is by its sound alone; None while too little of it was heard."""
    began_again: bool = False
    """Whether what was heard until now is no part of it any more; unset by who hears it."""
    _voicing: Voicing = field(default_factory=Voicing)
    _echo: float = 0.0
    _alike: float = 0.0
    """Greatest likeness to what was played, so far."""
    _said: str = ""
    _echoed: int = 0
    """Words at the beginning that were an echo's."""
    _words_at: float = 0.0

    @property
    def is_turn(self) -> bool:
        """Whether its words are the user's turn."""
        return self.answers or (self.verdict is not None and self.verdict.stops)

    @property
    def sounds_like_echo(self) -> bool:
        """Whether its sound was like what was played, not only its words."""
        return self._alike >= _ECHO_OVER

    @property
    def spoken_into(self) -> bool:
        """Whether somebody speaks into what was an echo; what they say is a sound of its own."""
        return self.verdict is Verdict.ECHO and self._echo < _ECHO_OVER <= self._alike

    def begin_again(self, now: float) -> None:
        """Let what is heard from now on be a sound of its own, without the words until now."""
        self.began, self.ducked, self.verdict = now - WINDOW, None, None
        self._voicing, self._alike = Voicing(), 0.0
        self.hunch, self.began_again = None, True
        self._echoed = len(self.words)

    def add_window(self, windows: Sequence[Samples], played: Samples, *, voice: bool) -> None:
        """Find out what it is like, with one more window.

        Args:
            windows: The last ones of the microphone, at most `COMPARED`, the new one included.
            played: What the agent played last, for `PLAYED` seconds.
            voice: Whether the new window has a voice.
        """
        self._voicing.add(windows[-1], windows[-1].size / SAMPLE_RATE, voice=voice)
        levels = [float(np.std(window)) for window in windows]
        first = next(i for i, level in enumerate(levels) if level >= _SILENT * max(levels))
        heard = windows[first:]
        alike = likeness(np.concatenate(heard), played)
        self._echo = max(alike * (len(heard) / COMPARED) ** 0.5, _FADING * self._echo)
        self._alike = max(self._alike, self._echo)

    def add_voice(self, window: Samples) -> None:
        """Count a window with a voice, without comparing it with what was played."""
        self._voicing.add(window, window.size / SAMPLE_RATE, voice=True)

    def add_words(
        self, text: str, *, final: bool, language: str, confidence: float, now: float
    ) -> None:
        """Take what was recognised of it, in place of what was not final yet."""
        self.language, self.confidence = language, confidence
        words = tokens(f"{self._said} {text}")
        if words != self.words:
            self.words, self._words_at = words, now
        self.final = final
        if final:
            self._said = f"{self._said} {text}"

    def evidence(
        self,
        now: float,
        *,
        usual_loudness: float | None,
        spoken: Sequence[str],
        stt_latency: float | None,
        usual_language: str = "",
    ) -> Evidence:
        """What a policy decides by.

        Args:
            now: The time, in seconds.
            usual_loudness: The user's, in dB; None while that is not known.
            spoken: The agent's words of the last seconds and of the next.
            stt_latency: Seconds from a voice to its first words; None while that is not known.
            usual_language: What the user spoke last; empty while that is not known.
        """
        voicing, level = self._voicing, None
        if usual_loudness is not None and voicing.loudness is not None:
            level = voicing.loudness - usual_loudness
        return Evidence(
            lasted=now - self.began,
            voiced=voicing.voiced,
            quiet=now - self.last_voice,
            pitched=voicing.pitched,
            movement=voicing.movement,
            level=level,
            echo=self._echo,
            words=self.words[self._echoed :],
            since_words=now - self._words_at,
            final=self.final,
            spoken=spoken,
            stt_latency=stt_latency,
            language=self.language,
            confidence=self.confidence,
            hunch=self.hunch,
            usual_language=usual_language,
        )
