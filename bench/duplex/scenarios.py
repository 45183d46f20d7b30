"""The cases: what a caller does in each, chosen by a seed and split by voice and text.

Six sets in the manner of Full-Duplex-Bench: two about the end of a turn (`pause`, `turn`), four
about sound over the agent's speech (`backchannel`, `interruption`, `noise`, `echo`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

Set = Literal["pause", "turn", "backchannel", "interruption", "noise", "echo"]
Half = Literal["test", "train"]
Language = Literal["en", "zh"]

SETS: tuple[Set, ...] = get_args(Set)

VOICES: dict[Language, dict[Half, tuple[str, ...]]] = {
    "zh": {
        "test": ("zm_yunyang", "zf_xiaoyi", "zm_yunxia"),
        "train": ("zm_yunjian", "zf_xiaoni", "zm_yunxi", "zf_xiaobei"),
    },
    "en": {
        "test": (
            *("am_michael", "af_bella", "bm_george", "bf_emma", "am_puck", "af_sarah"),
            *("bm_fable", "bf_lily", "am_fenrir", "af_nova", "am_eric", "af_river"),
            *("bm_lewis", "af_sky"),
        ),
        "train": (
            *("am_adam", "af_alloy", "bm_daniel", "bf_alice", "am_echo", "af_aoede"),
            *("am_liam", "bf_isabella", "af_jessica", "am_onyx", "af_kore", "am_santa"),
            *("af_nicole", "af_heart"),
        ),
    },
}
"""Callers. The agent itself speaks with zf_xiaoxiao and with hibari's voice."""

VOICES_PER_TEXT = 4
"""How many voices of its half say each text, where there are as many: a set has 84 cases in English
and 71 in Chinese, 52 and 39 of them in the test half."""

RECORDED = "jfk.wav"
"""The one recording of a person that a package ships, with pauses of its own."""

NOISES = ("keyboard", "door", "music", "babble")
SNRS = (0, 5, 10, 20)
"""Level of a noise, in dB below that of speech."""

ECHO_DELAYS = (0.05, 0.12, 0.25, 0.4)
"""Seconds from the caller's loudspeaker to the caller's microphone."""
ECHO_LEVELS = (-6, -12, -20, -30)
"""Level of the echo, in dB relative to what was heard."""

EARLIEST, LATEST = 1.5, 4.0
"""When the caller makes a sound over the agent, in seconds from the agent's first."""
WARM_UP = 3.0
"""Stock LiveKit lets nobody interrupt the first 3 s of the first reply in a room, for the sake of
echo cancellers, so that the first case of each room comes later by as much."""

ROOM = 5
"""Cases held in one room, with one caller."""


@dataclass(frozen=True)
class Case:
    """One thing that a caller does."""

    key: str
    set: Set
    language: Language
    half: Half
    voice: str
    """The caller's voice; the name of the noise in ``noise``, empty in ``echo``."""
    text: str
    """What is said, empty for noise and echo; | where the caller pauses."""
    reply: str
    """What the agent says, when its turn has come or while the caller makes a sound."""
    at: float
    """When the caller makes a sound, in seconds from the agent's first; unused at turn ends."""
    pause: float = 0.0
    """Length of the pause within the turn, in seconds."""
    level: float = 0.0
    """Level of noise relative to speech, or of an echo, in dB."""
    delay: float = 0.0
    """Delay of an echo, in seconds."""
    seed: int = 0
    """Seed of a noise."""

    @property
    def over(self) -> bool:
        """Whether it happens while the agent speaks."""
        return self.set not in ("pause", "turn")


@lru_cache
def texts() -> dict[str, Any]:
    """All that is said, by set and language."""
    return dict(yaml.safe_load(Path(__file__).with_name("texts.yaml").read_text(encoding="utf-8")))


def cases(set_: Set, language: Language, half: Half) -> list[Case]:
    """All cases of a set, in an order in which the first of them are a fair sample."""
    rng = random.Random(f"{set_}|{language}|{half}")
    found = [
        Case(
            key=f"{set_}-{language}-{half}-{i:02}",
            set=set_,
            language=language,
            half=half,
            # A turn's answer is short, so that its end need not be waited for.
            reply=rng.choice(
                texts()["long" if set_ not in ("pause", "turn") else "short"][language]
            ),
            at=round(rng.uniform(EARLIEST, LATEST), 2),
            **kind,
        )
        for i, kind in enumerate(_kinds(set_, language, half, rng))
    ]
    rng.shuffle(found)
    return found


def _kinds(set_: Set, language: Language, half: Half, rng: random.Random) -> Iterator[Any]:
    voices = VOICES[language][half]
    if set_ == "noise":
        seed = 0 if half == "test" else 1000
        for i in range(52 if half == "test" else 32):
            kind, snr = NOISES[i % 4], SNRS[i // 4 % 4]
            yield {"voice": kind, "text": "", "level": -float(snr), "seed": seed + i}
    elif set_ == "echo":
        for i in range(52 if half == "test" else 32):
            level, delay = ECHO_LEVELS[i % 4], ECHO_DELAYS[i // 4 % 4]
            jitter = rng.uniform(-0.02, 0.02)
            yield {"voice": "", "text": "", "level": float(level), "delay": delay + jitter}
    else:
        for i, text in enumerate(texts()[set_][language][half]):
            for j in range(min(VOICES_PER_TEXT, len(voices))):
                pause = round(rng.uniform(0.4, 1.4), 2) if set_ == "pause" else 0.0
                voice = voices[(VOICES_PER_TEXT * i + j) % len(voices)]
                yield {"voice": voice, "text": text, "pause": pause}
        if set_ == "pause" and language == "en" and half == "test":
            yield {"voice": RECORDED, "text": texts()["recorded"]}


def conversations(chosen: list[Case]) -> list[list[Case]]:
    """Put the cases of each caller into rooms."""
    rooms: list[list[Case]] = []
    key = lambda case: (case.set, case.language, case.voice)  # noqa: E731
    for _, group in groupby(sorted(chosen, key=key), key=key):
        same = list(group)
        rooms += [same[i : i + ROOM] for i in range(0, len(same), ROOM)]
    # Whatever else the machine does meanwhile is to fall on all sets alike.
    random.Random(0).shuffle(rooms)
    return rooms
