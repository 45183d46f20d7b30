"""A case of bench/duplex over a media stream, from the caller's first sound to the finding."""

from __future__ import annotations

import dataclasses
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.models import locate
from bench.duplex import clips, engines, play, systems
from bench.duplex.align import Word
from bench.duplex.clips import Clip
from bench.duplex.judge import judge
from bench.duplex.scenarios import Case
from harness import report
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled

REPLY = " ".join(f"word{chr(97 + i)}" for i in range(24))
"""Half a second a word."""
SAID = "stop that please"


def reply() -> Clip:
    """Sound that a telephone carries and that is like nothing else in it."""
    size = 12 * SAMPLE_RATE
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(size) * 12_000)
    spectrum[np.fft.rfftfreq(size, 1 / SAMPLE_RATE) > 3000] = 0
    sound = np.fft.irfft(spectrum, size).astype(np.int16)
    timed = [Word(w, i / 2, i / 2 + 0.5) for i, w in enumerate(REPLY.split())]
    return Clip(sound, tuple(timed))


def voice() -> Samples:
    """A second of a person's voice."""
    samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    return resampled(samples[round(0.3 * rate) : round(1.3 * rate)], rate, SAMPLE_RATE)


async def test_an_interruption_is_played_and_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoken = {
        REPLY: reply(),
        SAID: Clip(voice(), tuple(Word(w, i / 3, i / 3 + 0.3) for i, w in enumerate(SAID.split()))),
    }
    short = clips.short("en")[0]
    spoken[short] = dataclasses.replace(spoken[REPLY], words=(Word(short, 0.0, 12.0),))
    monkeypatch.setattr(clips, "_load", lambda item: spoken[item.text])
    monkeypatch.setattr(report, "OUT", tmp_path)
    monkeypatch.setattr(play, "WARM_UP", 0.0)
    case = Case("k", "interruption", "en", "test", "v", SAID, REPLY, at=2.0)
    server: Any = None  # of rooms
    served = engines.Engines()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(engines.serve(served))
        host = await stack.enter_async_context(systems.start(systems.STREAM, 0))
        takes = [t async for t in play.conversation([case], host, "ulaw", server, served)]
    (take,) = takes
    found = judge(take)
    assert (found.system, found.failed) == ("parley-stream.ulaw", "")
    assert (found.stopped, found.resumed) == (True, False)
    assert found.stop_latency is not None
    assert 0 < found.stop_latency < 2000
    # The history comes from the program that holds the session.
    assert take.history[0].startswith("worda wordb")
    assert found.history_error is not None
    assert found.history_error <= 2
