"""How turns are taken, in one frozen object of plain numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TurnOptions:
    """Thresholds and waits of one conversation; times in seconds.

    The defaults hold for wideband sound and a microphone whose browser cancels echoes.
    """

    vad_threshold: float = 0.5
    """Probability above which the voice-activity detector takes a moment for speech, 0 to 1."""
    min_silence: float = 0.25
    """Silence after which the voice-activity detector reports the end of speech."""
    min_delay: float = 0.12
    """Silence that ends a turn whose words and voice both sound finished."""
    max_delay: float = 1.6
    """Silence that ends a turn in the middle of a sentence."""
    min_interruption: float = 0.7
    """Voice over the agent that stops it although no word of it is known yet. Words stop it as soon
    as they are recognised; people's "uh-huh" and 好的 take up to 0.6 s. With `hunches`, what surely
    sounds like an interruption needs 57 % of it only, and what sounds like none 1.5 s: less in
    proportion below 0.7, and never less than this."""
    hunches: bool = True
    """Whether a small network hears what a sound is while its words are not known: see
    `min_interruption`. It is asked where the recogniser is not prompt (`first_words`), and English,
    Chinese or nothing was heard before."""
    first_words: float | None = None
    """How long the recogniser takes from a voice to its first words, if that is known beforehand;
    a conversation learns it otherwise. Up to 0.45 a sound without words is a noise from the first
    one on; until it is known, `min_interruption` decides."""
    false_interruption_timeout: float = 1.0
    """Silence after a stop without words before the agent goes on."""
    ducked: float = 0.3
    """Volume of the agent while somebody speaks over it and it is not yet decided whether to stop,
    of 1: 0.3 is 10 dB down, clearly lower and still understood."""

    def __post_init__(self) -> None:
        if not 0.0 < self.vad_threshold < 1.0:
            raise ValueError(f"vad_threshold is {self.vad_threshold}: it must be between 0 and 1")
        if not 0.0 <= self.ducked <= 1.0:
            raise ValueError(f"ducked is {self.ducked}: it must be between 0 and 1")
        if self.min_delay > self.max_delay:
            raise ValueError(
                f"min_delay is {self.min_delay} s and max_delay {self.max_delay} s:"
                " min_delay must not be the longer one"
            )
