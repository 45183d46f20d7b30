"""Who has the floor, as a profile says it."""

from __future__ import annotations

from typing import Annotated

from livekit.plugins.turn_taking.options import TurnOptions
from pydantic import Field

from .engine_settings import Section

Seconds = Annotated[float, Field(ge=0.0, le=30.0)]


class TurnSettings(Section):
    """Who has the floor."""

    vad_threshold: Annotated[float, Field(ge=0.1, le=0.9)] = 0.5
    """Probability above which the voice-activity detector takes a moment for speech."""
    min_silence: Annotated[float, Field(ge=0.05, le=2.0)] = 0.25
    """Silence after which the voice-activity detector reports the end of speech, in seconds."""
    min_delay: Seconds = 0.12
    """Silence that ends a turn whose words and voice both sound finished, in seconds."""
    max_delay: Seconds = 1.6
    """Silence that ends a turn in the middle of a sentence, in seconds."""
    min_interruption: Seconds = 0.7
    """Voice over the agent that stops it although no word of it is known yet, in seconds. Words
    stop it as soon as they are recognised; people's "uh-huh" and 好的 take up to 0.6 s. With
    `hunches`, what surely sounds like an interruption needs 57 % of it only, and what sounds like
    none 1.5 s: less in proportion below 0.7, and never less than this."""
    hunches: bool = True
    """Whether a small network hears what a sound is while its words are not known: see
    `min_interruption`. It is asked where the recogniser is not prompt (`first_words`), and English,
    Chinese or nothing was heard before."""
    first_words: Seconds | None = None
    """How long the recogniser takes from a voice to its first words, in seconds, if that is known
    beforehand; a conversation learns it otherwise. Up to 0.45 a sound without words is a noise
    from the first one on; until it is known, `min_interruption` decides."""
    false_interruption_timeout: Seconds = 1.0
    """Silence after a stop without words before the agent goes on, in seconds."""
    ducked: Annotated[float, Field(ge=0.0, le=1.0)] = 0.3
    """Volume of the agent while somebody speaks over it and it is not yet decided whether to stop,
    of 1: 0.3 is 10 dB down, clearly lower and still understood."""

    @property
    def options(self) -> TurnOptions:
        """The same, as the turn-taking plugin takes them."""
        return TurnOptions(**self.model_dump())
