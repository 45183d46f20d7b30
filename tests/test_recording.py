from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from harness.recording import SAMPLE_RATE, Channel, trim, write

MS = SAMPLE_RATE // 1000
QUIET, LOUD = 100, 200  # either side of -50 dBFS, which is 103.6


def tone(ms: int, level: int = LOUD) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.full(ms * MS, level, np.int16)


def test_frames_in_time_are_laid_end_to_end() -> None:
    channel = Channel()
    channel.put(tone(10), at=0.010)
    channel.put(tone(10), at=0.025)  # 5 ms of jitter are not a gap
    assert channel.duration == pytest.approx(0.020)


def test_a_late_frame_leaves_a_gap() -> None:
    channel = Channel()
    channel.put(tone(10), at=0.010)
    channel.put(tone(10), at=1.0)
    assert channel.duration == pytest.approx(1.0)
    assert channel.first_sound(0.020) == pytest.approx(0.990)


def test_frames_that_waited_for_their_reader_leave_no_gap() -> None:
    channel = Channel()
    channel.put(tone(10), at=0.010)
    for _ in range(10):  # 100 ms of sound, read at once
        channel.put(tone(10), at=0.110)
    channel.put(tone(10), at=0.120)
    assert channel.duration == pytest.approx(0.120)
    assert (channel.samples() == LOUD).all()


def test_a_recording_may_be_long() -> None:
    channel = Channel()
    for second in range(1, 200):
        channel.put(tone(1000, QUIET if second > 100 else LOUD), at=float(second))
    assert channel.duration == pytest.approx(199.0)
    assert channel.last_sound(199.0) == pytest.approx(100.0, abs=1e-3)


def test_sound_is_found_above_the_threshold_only() -> None:
    channel = Channel()
    channel.put(np.concatenate([tone(100, QUIET), -tone(50), tone(100, QUIET)]), at=0.250)
    assert channel.first_sound(0.0) == pytest.approx(0.100)
    assert channel.last_sound(1.0) == pytest.approx(0.150, abs=1e-3)
    assert channel.first_sound(0.151) is None


def test_trim_keeps_the_speech() -> None:
    speech = np.concatenate([tone(30, QUIET), tone(20), tone(5, QUIET), tone(20), tone(40, QUIET)])
    assert len(trim(speech)) == 45 * MS
    assert len(trim(tone(30, QUIET))) == 0


def test_the_recording_has_both_sides(tmp_path: Path) -> None:
    said, heard = Channel(), Channel()
    said.put(tone(10), at=0.010)
    heard.put(tone(10), at=0.100)
    write(tmp_path / "call.wav", said, heard)
    with wave.open(str(tmp_path / "call.wav")) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    assert frames.shape == (100 * MS, 2)
    assert frames[:, 0].any()
    assert frames[:, 1].any()
