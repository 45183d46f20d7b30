"""A case of bench/duplex over a media stream, from the caller's first sound to the finding."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.models import locate
from bench.duplex import clips, engines, play, systems
from bench.duplex.align import Word, words
from bench.duplex.clips import Clip
from bench.duplex.judge import judge
from bench.duplex.scenarios import Case
from harness import report
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled

pytestmark = pytest.mark.slow

REPLY = " ".join(f"word{chr(97 + i)}" for i in range(24))
SAID = "stop that please"


def timed(samples: Samples, text: str) -> Clip:
    """Sound whose words are of the same length."""
    found = words(text)
    each = len(samples) / SAMPLE_RATE / len(found)
    return Clip(samples, tuple(Word(w, i * each, (i + 1) * each) for i, w in enumerate(found)))


def noise(seconds: int, seed: int) -> Samples:
    """Sound that a telephone carries and that is like nothing else in it."""
    size = seconds * SAMPLE_RATE
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size) * 12_000)
    spectrum[np.fft.rfftfreq(size, 1 / SAMPLE_RATE) > 3000] = 0
    return np.fft.irfft(spectrum, size).astype(np.int16)


def voice() -> Samples:
    """A second of a person's voice."""
    samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    return resampled(samples[round(0.3 * rate) : round(1.3 * rate)], rate, SAMPLE_RATE)


async def test_an_interruption_is_played_and_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = clips.short("en")[0]
    sounds = {REPLY: noise(12, 0), SAID: voice(), other: noise(2, 1)}
    spoken = {text: timed(sound, text) for text, sound in sounds.items()}
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
    # Its session is made within the bridge, and tells what it decided all the same.
    assert found.outcome == "judged"
    assert found.decided is not None
    assert 0 < found.decided < found.stop_latency
    # The history comes from the program that holds the session.
    assert REPLY.startswith(take.history[0])
    assert 1 < len(take.history[0].split()) < 12
