"""A recogniser on a simulated clock: how soon its words come where each decode takes its own time.

A decode is done for real, and counts as long as the processor worked on it, so that nothing else
that the machine does shows in the figures. What a machine costs that is busy with a model and a
voice is left to a factor.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from agent.local.hearing import Hearing
from agent.local.whisper import SAMPLE_RATE, Whisper
from harness import recording
from harness.resample import resampled

from .duplex.align import words

_BELIEFS = ("confidence", "opening", "spoken")
"""What a recogniser is told of a decode, if it asks for it."""
_FRAME = SAMPLE_RATE // 50
_PRE_ROLL = 0.3
"""Seconds before the first sound that the recogniser is given."""
_NOTICED = 0.1
"""Seconds from the first sound until a voice detector is sure of it."""


def hearing_of(folder: Path | None) -> type[Hearing]:
    """When a checkout decodes, and which words it is sure of; of this one if None."""
    if folder is None:
        return Hearing
    name = "agent.local.hearing_of_another"
    path = folder / "agent" / "local" / "hearing.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[Hearing] = module.Hearing
    return found


def first_word(
    kind: type[Hearing],
    whisper: Whisper,
    samples: recording.Samples,
    language: str,
    *,
    patience: float,
    factor: float = 1.0,
) -> tuple[str, float]:
    """Have a sentence heard, without waiting.

    Args:
        kind: When it is decoded.
        whisper: What decodes it, with one thread: a second one's waiting would count as work.
        samples: The sentence, as callers speak: mono, 24 kHz, its first sample a sound.
        language: Its language.
        patience: Seconds from its first sound after which nothing is waited for.
        factor: How many times as long a decode takes.

    Returns:
        The first words that are given out, empty if there are none, and the seconds from the first
        sound until then.
    """
    sound = resampled(samples, recording.SAMPLE_RATE, SAMPLE_RATE)
    padding = np.zeros(round((patience + _PRE_ROLL) * SAMPLE_RATE), np.int16)
    heard = np.concatenate([padding[: round(_PRE_ROLL * SAMPLE_RATE)], sound, padding])
    hearing: Any = kind()
    known = inspect.signature(kind.decoded).parameters
    sent, now, said, searched = 0, _NOTICED, "", False
    while now < patience:
        there = round((now + _PRE_ROLL) * SAMPLE_RATE) // _FRAME * _FRAME
        if there > sent:
            hearing.push(heard[sent:there].tobytes())
            sent = there
        if not hearing.due(now):
            now += _FRAME / SAMPLE_RATE
            continue
        over = hearing.paused
        began = time.process_time()
        *_, utterance = whisper.transcribe(
            hearing.audio(),
            language=language,
            begun=getattr(hearing, "begun", hearing.sure),
            thorough=over,
            search=not searched,
            opening=getattr(hearing, "early", False),
        )
        seconds = (time.process_time() - began) * factor
        now += seconds
        assert utterance
        searched = searched or utterance.searched
        text = utterance.text if over or not utterance.doubtful else None
        belief = {name: getattr(utterance, name) for name in _BELIEFS if name in known}
        for name in {"over", "thorough"} & known.keys():  # a checkout may have the older one
            belief[name] = over
        said += hearing.decoded(text, hearing.samples, **belief, seconds=seconds, now=now)
        if words(said):  # marks alone are none
            return said, min(now, patience)
    return "", patience
