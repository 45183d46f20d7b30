"""Whisper on a CPU, with the encoder's window cut to the length of the utterance.

Whisper pads every utterance with silence to 30 s and encodes all of it. Encoding only what was said
and three seconds after it takes a fifth of the time: 0.4 instead of 2 CPU seconds for an utterance
of 3 s. The price is that the model, used to long silence at the end, now and then repeats the
sentence; a repetition is recognised, and the utterance decoded again with the full window.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import opencc
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio
from faster_whisper.transcribe import Segment

from .first_word import WithLogits, first_word
from .words import bare, once, period, words

SAMPLE_RATE = 16000
"""Hz, of Whisper's input."""

WINDOW = 3000
"""Mel frames that Whisper was trained on: 30 s at 100 frames a second."""

MARGIN = 300
"""Mel frames of silence kept after the speech: with 1 s a third of the English test sentences
came out twice, with 3 s one of 24."""

TOKENS_PER_SECOND = 8
"""Upper bound of the tokens said in a second; fast Mandarin has 6 to 7."""

WORDS_PER_SECOND = 5
"""Upper bound of the times that a word is said again in a second: 等等 takes 0.4 s."""

AGAIN = 3
"""The most times that somebody says one word, and nothing else."""

WORDLESS = 2.0
"""Seconds of sound without a word from which on the short window is not believed: Whisper base
wrote nothing for a Chinese sentence of 2.5 s by phone, and wrote all of it with the full one. Of
eight noises as long it wrote words for none that it had not with the short one. That takes 1.2 s
of a core. Of seven pieces of music, told as for PERHAPS, four to six are silence to the model: how
probable differs by up to 0.1 from one start of the process to the next."""

SIMPLIFIED = "这是一段普通话对话，请用简体中文和标点记录。"
"""Prompt for Chinese speech that comes without one: with it Whisper writes commas."""

_ECHO = re.compile(r"[，,]?(?:这是一段普通话对话|请用简体中文和标点(?:记录?)?)[，。,]?")
"""What Whisper repeats of it where it hears little, such as a "喂" by phone."""

ECHOED = 8
"""Characters of it in a row that nobody says by chance: 请用简体中文 are 6. Of babble Whisper base
wrote 简体中文和标点记 and 几段普通话对话，请用简体中文."""

_LOOP = re.compile(r"([^\W\d_](?:[^\d_]{0,22}?[^\W\d_])?)(?:\W*\1){3,}")
"""What Whisper, sure of itself, writes for a noise: 这段普通话对话对话对话对话; not figures."""

LOOPED = 0.6
"""Least share of a text that is a loop, of its letters: people say something four times, too."""

NOBODY = 0.75
"""Probability of silence from which on a text is hardly anybody's. It is told after the prompt for
Chinese only: without a prompt, for English, that of noises and that of speech are alike. Of 83
texts that Whisper base wrote for 22 noises without a voice, 0.3 to 1.2 s of them, 79 were above it,
the others loops; of 164 texts of 20 sentences one was. That was counted by no command of this
repository, on the training half of ``make bench-duplex``."""

SAID = 0.25
"""How probable a first word has to be for one decode to tell that somebody says it, after the
prompt for Chinese and where it is not silence to the model. Of 32 interruptions of the training
half of ``make bench-duplex``, decoded after each 0.1 s, the first word of 16 was as probable after
0.3 s, of 31 before 1.2 s, that of 26 of 32 backchannels, and of 32 noises that of one, of babble.
With 0.15 it was that of 20 after 0.3 s, but 13 of the backchannels would stop the agent instead of
10. That was counted by no command of this repository."""

CERTAIN = 0.5
"""How probable it has to be without that prompt: for English nothing tells speech from silence, and
of 32 noises as before one had a word so probable, three one of 0.25."""

PERHAPS = 0.5
"""Probability of silence up to which a doubtful text is heard again without the prompt. Without it
Whisper base writes probable words for noises: for 16 of 73 beginnings of 24 noises (the training
half of ``make bench-duplex``, no babble), with it for none of them and of 74 others. After it 63 of
those and 74 had a probability, none below 0.52; 67 of 72 beginnings of 29 Chinese sentences one up
to 0.5. That was counted once, by no command of this repository."""


class AudioError(Exception):
    """The bytes are not audio that can be decoded."""


class LanguageError(ValueError):
    """A language that the model does not know."""


@dataclass(frozen=True)
class Utterance:
    """What was heard."""

    language: str
    duration: float
    """Seconds of audio."""
    segments: tuple[Segment, ...]
    silence: float | None = None
    """How probable silence is to the model, 0 to 1; None where that tells nothing."""
    searched: bool = False
    """Whether words were looked for with the full window where there may well be none."""
    first: float | None = None
    """How probable the first word is to the model, 0 to 1; None if that was not asked."""
    prompted: bool = True
    """Whether the words are those that were written after our prompt, where there was one."""

    @property
    def text(self) -> str:
        """The text of all segments."""
        return "".join(s.text for s in self.segments).strip()

    @property
    def doubtful(self) -> bool:
        """Whether the short window may have misled the model.

        It then repeats itself, or goes on past the end of the audio. A compression ratio of 2.4 is
        OpenAI's own threshold for repetition. One word said again, like 等等 or "no, no", is none.
        """
        if any(s.compression_ratio > 2.4 or s.start >= self.duration for s in self.segments):
            return True
        # A loop may be less than all of it: 现在几点了现在现在几点了现在几点了现在.
        if self._overlong:
            return True
        letters = bare(self.text)
        # Counted by letters: a repetition may be within one word, as in "hahaha", and break off.
        piece = period(letters)
        if 2 * piece > len(letters) or not letters:
            return False
        in_words = len(words(once(self.text)))
        return in_words > 1 or len(letters) / piece > min(AGAIN, WORDS_PER_SECOND * self.duration)

    @property
    def wordless(self) -> bool:
        """Whether nothing was written for a sound in which somebody may well have spoken."""
        return not self.text and self.duration >= WORDLESS and not self.silent

    @property
    def looping(self) -> bool:
        """Whether most of it is one piece again and again, faster than anybody says it.

        People do say "no, no, no, no" and 好好好好. A loop goes on until the model may write no
        more, which is always more than the tokens that are said in the time.
        """
        text = self.text.casefold()
        looped = sum(len(bare(match.group())) for match in _LOOP.finditer(text))
        if looped < LOOPED * len(bare(text)):
            return False
        return self._overlong

    @property
    def _overlong(self) -> bool:
        """Whether it has more words than anybody says in the time."""
        return len(words(self.text)) > TOKENS_PER_SECOND * self.duration

    @property
    def opening(self) -> str:
        """What it begins with: all of it, or up to where it begins to repeat itself.

        The first word alone where there are more than anybody says in the time.
        """
        begins = once(self.text) if self.doubtful else self.text
        said = words(begins)
        return begins if len(said) <= TOKENS_PER_SECOND * self.duration else said[0]

    @property
    def spoken(self) -> bool:
        """Whether somebody says its first word, as far as one decode can tell.

        Neither what follows that word nor the model's guess when it ends speaks against it. Of half
        a second both are improbable: "停下。" was written at a mean log probability of -0.66, with
        the word at -0.06 and its end at -3.1.
        """
        if not words(self.text) or self.silent:
            return False
        if self.first is None:
            return self.confidence >= CERTAIN
        return self.first >= (SAID if self.silence is not None and self.prompted else CERTAIN)

    @property
    def silent(self) -> bool:
        """Whether hardly anybody speaks, as far as that can be told."""
        return (self.silence or 0.0) > NOBODY

    @property
    def confidence(self) -> float:
        """How probable its words are to the model, 0 to 1; hardly those of a loop or of silence.

        0 if there are none.

        It writes words for noises. Asked for English after 0.45 and 0.8 s of a sound, Whisper base
        wrote words in 21 of 34 decodes of noises, at a mean log probability of -0.99 to -1.99 (20
        below -1), and in all 32 of 16 sentences, at -0.16 to -1.03 (1 below -1). That was counted
        by no command of this repository, with the code of 96d8053.
        """
        if not words(self.text):
            return 0.0
        if self.looping or self.silent:
            return 0.001  # 0 is what those say who do not know
        return math.exp(min(0.0, *(s.avg_logprob for s in self.segments), 0.0))


def without_echo(text: str) -> str:
    """A transcript without the prompt for Chinese, which nobody said."""
    text = _ECHO.sub("", text)
    while True:
        echo = SequenceMatcher(None, text, SIMPLIFIED, autojunk=False).find_longest_match()
        if echo.size < ECHOED:
            return text
        text = text[: echo.a] + text[echo.a + echo.size :]


def decode(data: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Read any audio container that FFmpeg knows as mono float32 at 16 kHz.

    Raises:
        AudioError: The bytes are not audio, or hold none.
    """
    try:
        audio: np.ndarray[Any, np.dtype[np.float32]] = decode_audio(
            io.BytesIO(data), sampling_rate=SAMPLE_RATE
        )
    except Exception as e:  # FFmpeg's errors have no common class of their own
        raise AudioError("The file is not audio that can be decoded: send WAV, MP3 or Ogg.") from e
    if not len(audio):
        raise AudioError("The audio file holds no samples.")
    return audio


class _Windowed(WhisperModel):  # type: ignore[misc]
    """A WhisperModel that does not encode the padding, and tells how silent a sound is to it."""

    model: Any
    full = False
    silence = 0.0
    """The highest probability of silence since it was set to 0."""
    first: float | None = None
    """How probable the first word written is, since it was set to None, if logits are asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model = WithLogits(self.model)

    def encode(self, features: np.ndarray[Any, Any]) -> Any:
        if not self.full:
            spoken = np.flatnonzero(features.any(axis=tuple(range(features.ndim - 1))))
            frames = (int(spoken[-1]) + 1 if len(spoken) else 0) + MARGIN
            features = features[..., : min(WINDOW, frames + frames % 2)]
        return super().encode(features)

    def generate_with_fallback(
        self, encoder_output: Any, prompt: Any, tokenizer: Any, options: Any
    ) -> Any:
        # What is taken for silence becomes no segment, which would tell its probability.
        found = super().generate_with_fallback(encoder_output, prompt, tokenizer, options)
        self.silence = max(self.silence, float(found[0].no_speech_prob))
        if self.first is None:
            self.first = first_word(found[0], tokenizer)
        return found


class Whisper:
    """A Whisper model in memory; one utterance at a time.

    Args:
        folder: The folder that holds model.bin, config.json, tokenizer.json and vocabulary.json.
        threads: CPU threads of one run.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self._model = _Windowed(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        self._simplified = opencc.OpenCC("t2s")
        self._languages: frozenset[str] = frozenset(self._model.supported_languages)

    def language(self, tag: str | None) -> str | None:
        """Whisper's tag for a BCP-47 tag; None to have the language detected.

        Raises:
            LanguageError: The model does not know the language.
        """
        if tag is None or tag.lower() == "auto":
            return None
        primary = tag.lower().split("-")[0]
        if primary not in self._languages:
            raise LanguageError(f"The language {tag!r} is unknown: send a tag such as zh or en.")
        return primary

    def transcribe(
        self,
        audio: np.ndarray[Any, np.dtype[np.float32]],
        *,
        language: str | None = None,
        prompt: str | None = None,
        temperature: float = 0.0,
        begun: str = "",
        thorough: bool = True,
        search: bool = True,
        opening: bool = False,
    ) -> Iterator[Utterance | None]:
        """Transcribe, yielding None between the pieces of the work and the result at the end.

        Args:
            audio: The samples: mono, 16 kHz.
            language: Tag such as ``zh``; detected when not given.
            prompt: Words or names to expect.
            temperature: Sampling temperature.
            begun: Text that the audio is known to begin with, so that only the rest has to be
                found, at 9 ms a token. If the result is doubtful, all of it is.
            thorough: Whether to decode what is doubtful again: without our own prompt, and if that
                does not help with the full window, at ten times the cost.
            search: Whether to look thoroughly for words where there may well be none, too: in a
                long sound without a word, and in a doubtful text of what is silence to the model.
            opening: Whether to tell how probable the first word is, unless words are ``begun``.
        """
        asked = opening and not begun
        hint = SIMPLIFIED if prompt is None and language == "zh" else prompt
        heard = yield from self._decode(
            audio, language, hint, temperature, begun=begun, opening=asked
        )
        silence = heard.silence
        if thorough and heard.doubtful and silence is not None and silence <= PERHAPS:
            # It is the prompt that misleads the model now and then: in 3 of 20 questions of 1 to
            # 3 s, in which the full window heard the same as is heard without a prompt. That takes
            # 0.1 s of a core, the full window 1.2. Without the prompt nothing tells of silence.
            heard = yield from self._decode(audio, language, None, temperature, opening=asked)
            heard = replace(heard, silence=silence, prompted=False)
        nobody = heard.wordless or (heard.doubtful and heard.silent)
        searched = search and nobody
        if thorough and (searched or (heard.doubtful and not nobody)):
            heard = yield from self._decode(
                audio, heard.language, hint, temperature, full=True, opening=asked
            )
            heard = replace(heard, searched=searched)
        yield heard

    def _decode(
        self,
        audio: np.ndarray[Any, np.dtype[np.float32]],
        language: str | None,
        prompt: str | None,
        temperature: float,
        *,
        begun: str = "",
        full: bool = False,
        opening: bool = False,
    ) -> Generator[None, None, Utterance]:
        duration = len(audio) / SAMPLE_RATE
        self._ask(full, opening)
        found, info = self._model.transcribe(
            audio,
            language=language,
            initial_prompt=prompt,
            prefix=begun or None,
            temperature=temperature,
            beam_size=1,
            condition_on_previous_text=False,
            max_new_tokens=None if full else int(12 + TOKENS_PER_SECOND * min(duration, 25)),
        )
        segments: list[Segment] = []
        first: float | None = None
        for segment in found:
            segments.append(self._tidy(segment, info.language))
            first = self._model.first if len(segments) == 1 else first
            yield None
            self._ask(full, opening)  # others have decoded since
        silence = None
        if prompt == SIMPLIFIED:
            written = [float(segment.no_speech_prob) for segment in segments]
            silence = max(written or [self._model.silence])
        return Utterance(info.language, duration, tuple(segments), silence, first=first)

    def _ask(self, full: bool, opening: bool) -> None:
        self._model.full, self._model.model.wanted = full, opening
        self._model.silence, self._model.first = 0.0, None

    def _tidy(self, segment: Segment, language: str) -> Segment:
        if language == "zh":
            segment.text = without_echo(self._simplified.convert(segment.text))
        return segment
