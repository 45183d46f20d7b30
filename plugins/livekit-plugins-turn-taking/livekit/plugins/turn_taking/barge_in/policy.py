"""What to do about a sound that is heard while the agent speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from ..languages.tags import primary
from .hunch import LEARNT, Hunch
from .words import has_stop_word, is_among, is_backchannel, is_phrase, may_become_backchannel


class Verdict(Enum):
    """What a sound is taken for."""

    BACKCHANNEL = "backchannel"
    """Somebody shows that they listen."""
    NOISE = "noise"
    """Nobody says anything to the agent."""
    ECHO = "echo"
    """The agent hears itself."""
    INTERRUPTION = "interruption"
    """Somebody wants to say something."""
    STOP_WORD = "stop word"
    """Somebody tells the agent to stop."""

    @property
    def stops(self) -> bool:
        """Whether the agent falls silent."""
        return self in (Verdict.INTERRUPTION, Verdict.STOP_WORD)


@dataclass(frozen=True)
class Evidence:
    """What is known of a sound so far; times in seconds."""

    lasted: float
    """From its first voice to now."""
    voiced: float
    """Of that, how long a voice was heard."""
    quiet: float
    """Since the last voice; near 0 while it sounds."""
    pitched: float
    """Share of the voiced time that has a pitch, 0 to 1: most of speech, little of a noise."""
    movement: float
    """How much the level of a band rises and falls, in dB: see :mod:`.voicing`."""
    level: float | None
    """Loudness compared with the user's usual, in dB; None while that is not known."""
    echo: float
    """How alike it is to what the agent played, 0 to 1."""
    words: Sequence[str]
    """What was recognised."""
    since_words: float
    """Since the last of them."""
    final: bool
    """Whether no other words will come."""
    spoken: Sequence[str]
    """The agent's words of the last seconds and of the next."""
    stt_latency: float | None
    """How long it usually takes from a voice to its first words; None until that was seen."""
    language: str = ""
    """Of the words, as a tag of BCP-47; empty where the recogniser does not say."""
    confidence: float = 0.0
    """How probable the words are, 0 to 1; 0 where the recogniser does not say."""
    hunch: Hunch | None = None
    """What the sound is by itself; None while too little of it was heard, and where the policy does
    not want to know: see :class:`WantsHunches`."""
    usual_language: str = ""
    """What the user spoke last, as a tag of BCP-47; empty while that is not known."""


class BargeInPolicy(Protocol):
    """Judges sounds over the agent's speech.

    It is asked every 32 ms while such a sound lasts, and whenever words of it are recognised, until
    it says that the agent has to stop. An answer that lets the agent go on may be followed by
    another one.
    """

    def judge(self, evidence: Evidence) -> Verdict | None:
        """Say what a sound is, or None while that cannot be told."""
        ...


@runtime_checkable
class WantsHunches(Protocol):
    """A policy that has sounds guessed at by the network; no other pays for that."""

    def wants_hunch(self, evidence: Evidence) -> bool:
        """Say whether it matters what the network makes of a sound."""
        ...


@dataclass(frozen=True)
class WordsFirst:
    """Believes words, and where there are none yet, what the sound is like.

    The agent stops at the first word that is no backchannel and no word of its own. Recognisers
    write words for noises and for an "mm", too, and some say how little they believe in them: such
    words do not count before a voice goes on for longer than a backchannel does, and never where a
    crowd is heard; of one that does not say it, only the whole of what was said counts there. Where
    the recogniser is known to be prompt, a sound without words is a noise; where it is not, a voice
    that goes on for that long is somebody who wants to speak: sooner if it sounds like it, later if
    it sounds like none. What it sounds like a network says, which knows English and Chinese: where
    another language was heard last it is not asked.
    """

    hunches: bool = True
    """Whether the network is asked at all."""
    settled: float = 0.2
    """Silence after which a sound is over. A pause between the words of a phrase is shorter."""
    apart: float = 0.4
    """Silence after which it is over though only its hunch speaks against it: until then the voice
    that follows counts to it, and whoever pauses as they speak is heard in the end."""
    unfinished: float = 0.7
    """Voice after a backchannel that no words were recognised of, until it is taken for more than
    a backchannel. The second word of "of course" ends up to 0.63 s after the first."""
    prompt: float = 0.45
    """A recogniser that takes no longer to its first words, in seconds, is waited for."""
    overdue: float = 0.6
    """How much longer than usual words may take until there are none, and how long after a sound is
    over more of them may come."""
    believed: float = 0.41
    """Least confidence in words for them alone to stop it: a mean log probability of -0.9."""
    held: float = 0.7
    """Voice that is more than a backchannel, for a recogniser that is not prompt."""
    sure: float = 0.8
    """Hunch that somebody takes the floor for which less voice is enough; this, `early_share`,
    `unlikely` and `patient` were chosen together on texts and voices of their own, for a `held` of
    0.7 (see ``hunch.md``)."""
    early_share: float = 0.57
    """Share of `held` that is enough then: 0.4 s of 0.7."""
    unlikely: float = 0.4
    """Hunch below which more voice is waited for."""
    late_share: float = 1.5 / 0.7
    """How many times `held` that is: 1.5 s of 0.7. Who wants shorter ones waits less here, too."""
    patient: float = 1.5
    """Voice after which no hunch counts against it any more: no backchannel is that long. Where
    `held` is longer, no hunch does at all."""
    pitched: float = 0.35
    """Least pitched share of a voice; 2 of 184 were below, and 10 below a half."""
    moving: float = 6.3
    """Least movement of one voice, in dB. After 0.7 s of it, that of 184 sentences was 6.9 to 11,
    that of 158 bursts of babble 3.3 to 6.5, of two more than 6.3."""
    crowd: float = 0.5
    """Hunch that it is a crowd, for which a sound of too little `moving` is one. After 0.4 s both
    hold for 46 of 48 bursts of babble, for none of 63 interruptions without and of 63 with babble
    10 dB below them, for 11 with babble 5 dB below, and for none of 62 with a street as loud, of
    which too little movement alone would take 49."""
    far: float = -20.0
    """Loudness of a voice that is not the user's, in dB of theirs."""
    echo: float = 0.4
    """Least likeness of an echo; see :mod:`.sound` for what was measured."""
    own_words: float = 0.2
    """Least likeness of an echo whose words are the agent's; a phrase of them needs none."""
    compared: float = 0.16
    """Voice that tells how alike it is to what was played; the agent's own words wait for that.
    95 of 100 echoes are known after so much, and a prompt recogniser has the first word before."""

    def judge(self, evidence: Evidence) -> Verdict | None:
        """Say what a sound is."""
        if evidence.echo >= self.echo:
            return Verdict.ECHO
        if evidence.words:
            return self._by_words(evidence)
        return self._by_sound(evidence)

    def wants_hunch(self, evidence: Evidence) -> bool:
        """Say whether what a sound is like may decide."""
        language = primary(evidence.usual_language)
        return (
            self.hunches
            and not evidence.words
            and evidence.echo < self.echo
            and not self._is_prompt(evidence)
            and (not language or language in LEARNT)
        )

    def _by_words(self, evidence: Evidence) -> Verdict | None:
        words = evidence.words
        own = is_among(words, evidence.spoken)
        if own and (evidence.echo >= self.own_words or is_phrase(words)):
            return Verdict.ECHO
        over = evidence.final or evidence.quiet >= self.settled
        if own and evidence.voiced < self.compared and not over:
            return None
        if has_stop_word(words, evidence.language):
            return Verdict.STOP_WORD
        if is_backchannel(words, evidence.language) and over:
            return Verdict.BACKCHANNEL
        expected = not evidence.final and evidence.quiet < self.settled + self.overdue
        doubted = self._is_doubted(evidence)
        if may_become_backchannel(words, evidence.language) and expected:
            more = evidence.since_words - evidence.quiet
            return Verdict.INTERRUPTION if more >= self.unfinished and not doubted else None
        if doubted:
            return Verdict.NOISE if over else None
        return Verdict.INTERRUPTION

    def _by_sound(self, evidence: Evidence) -> Verdict | None:
        if evidence.final:
            return Verdict.NOISE
        if evidence.quiet >= self.settled:
            held_back = evidence.quiet < self.apart and self._is_held_back(evidence)
            return None if held_back else Verdict.NOISE
        latency = evidence.stt_latency
        if latency is not None and latency <= self.prompt:
            return Verdict.NOISE if evidence.lasted >= latency + self.overdue else None
        floor = self._floor(evidence)
        sure = floor is not None and floor >= self.sure and self._is_near(evidence)
        if evidence.voiced < self.held * (self.early_share if sure else 1.0):
            return None
        if sure:
            return Verdict.INTERRUPTION
        if not self._is_a_voice(evidence):
            return Verdict.NOISE
        return None if self._is_held_back(evidence) else Verdict.INTERRUPTION

    def _is_prompt(self, evidence: Evidence) -> bool:
        return evidence.stt_latency is not None and evidence.stt_latency <= self.prompt

    def _is_near(self, evidence: Evidence) -> bool:
        return evidence.level is None or evidence.level >= self.far

    def _is_a_voice(self, evidence: Evidence) -> bool:
        """Whether it is one, of somebody who is near."""
        alone = evidence.pitched >= self.pitched and evidence.movement >= self.moving
        return alone and self._is_near(evidence)

    def _is_doubted(self, evidence: Evidence) -> bool:
        """Whether its words may be nobody's."""
        crowd = self._is_a_crowd(evidence)
        if evidence.confidence:
            unsure = evidence.confidence < self.believed
            return unsure and (crowd or evidence.voiced < self.held)
        return crowd and not evidence.final

    def _is_a_crowd(self, evidence: Evidence) -> bool:
        """Whether several people are heard: two witnesses, as a street too hides how one moves."""
        if evidence.hunch is None or not self.hunches:
            return False
        return evidence.hunch.crowd >= self.crowd and evidence.movement < self.moving

    def _is_held_back(self, evidence: Evidence) -> bool:
        """Whether its hunch alone keeps a voice from stopping the agent."""
        floor = self._floor(evidence)
        if floor is None or floor >= self.unlikely or self._is_prompt(evidence):
            return False
        enough = max(self.held, min(self.held * self.late_share, self.patient))
        return self.held <= evidence.voiced < enough and self._is_a_voice(evidence)

    def _floor(self, evidence: Evidence) -> float | None:
        """How likely it is, by its sound, that somebody takes the floor."""
        return evidence.hunch.floor if evidence.hunch and self.hunches else None
