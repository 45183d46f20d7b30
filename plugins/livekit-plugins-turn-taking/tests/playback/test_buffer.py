from __future__ import annotations

import numpy as np
import pytest
from livekit.plugins.turn_taking.playback.buffer import Playout, Samples

RATE = 8000
FRAME = 80


def voice(frames: int) -> Samples:
    """A tone whose samples tell where they are from: no two periods are alike."""
    at = np.arange(frames * FRAME)
    samples: Samples = (12_000 * np.sin(at * 0.1) + at).astype(np.int16)
    return samples


def steepest(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(int))).max())


@pytest.fixture
def playout() -> Playout:
    playout = Playout(RATE, quiet=0.25)
    playout.push(voice(20))
    return playout


def take(playout: Playout, frames: int) -> Samples:
    taken = []
    for _ in range(frames):
        assert playout.due
        taken.append(playout.next())
    return np.concatenate(taken)


def test_a_reply_is_played_sample_by_sample_and_the_last_frame_is_filled_up(
    playout: Playout,
) -> None:
    tail = voice(1)[:30]
    playout.push(tail)
    assert np.array_equal(take(playout, 20), voice(20))
    assert not playout.due  # less than a frame: more may come
    playout.complete()
    assert not playout.ended
    assert np.array_equal(playout.next(), [*tail, *[0] * (FRAME - 30)])
    assert playout.ended
    assert not playout.stopped
    assert playout.position == 20 * FRAME + 30


def test_ducking_is_a_ramp_of_thirty_milliseconds_without_a_step(playout: Playout) -> None:
    take(playout, 2)
    playout.duck(True)
    lowered = take(playout, 5)
    playout.duck(False)
    raised = take(playout, 5)
    assert np.array_equal(
        lowered[3 * FRAME :], (voice(20)[5 * FRAME : 7 * FRAME] * 0.25).astype(int)
    )
    assert np.array_equal(raised[3 * FRAME :], voice(20)[10 * FRAME : 12 * FRAME])
    heard = np.concatenate([voice(20)[: 2 * FRAME], lowered, raised])
    assert steepest(heard) <= steepest(voice(20)) + 1
    assert playout.position == 12 * FRAME


@pytest.mark.parametrize("ducked", [False, True])
def test_a_pause_fades_within_a_frame_and_goes_on_with_the_sample_that_faded_first(
    playout: Playout, ducked: bool
) -> None:
    playout.duck(ducked)
    before = take(playout, 4)
    playout.pause(True)
    fade = playout.next()
    assert not playout.due
    assert playout.position == 4 * FRAME
    assert steepest(np.concatenate([before, fade, [0]])) <= steepest(voice(20)) + 1
    playout.duck(False)
    playout.pause(False)
    back = take(playout, 16)
    assert np.array_equal(back[FRAME:], voice(20)[5 * FRAME :])
    assert abs(int(back[0])) == 0
    assert steepest(np.concatenate([[0], back])) <= steepest(voice(20)) + 1
    playout.complete()
    assert playout.ended
    assert playout.position == 20 * FRAME


def test_a_stop_fades_within_a_frame_and_counts_what_was_heard_in_full(playout: Playout) -> None:
    take(playout, 7)
    playout.stop()
    assert not playout.ended
    fade = playout.next()
    assert abs(int(fade[-1])) < abs(voice(20)).max() / 10
    assert playout.ended
    assert playout.stopped
    assert playout.position == 7 * FRAME


def test_a_paused_reply_is_stopped_without_a_sound(playout: Playout) -> None:
    take(playout, 3)
    playout.pause(True)
    playout.next()
    playout.stop()
    assert playout.ended
    assert playout.position == 3 * FRAME


def test_what_is_stopped_before_its_first_frame_is_never_heard(playout: Playout) -> None:
    playout.stop()
    assert not playout.due
    assert playout.ended
    assert playout.position == 0


def test_what_ran_dry_before_a_pause_does_not_blip_when_more_comes() -> None:
    playout = Playout(RATE, quiet=0.25)
    playout.push(voice(2))
    take(playout, 2)
    playout.pause(True)
    playout.push(voice(2))
    assert not playout.due
    playout.pause(False)
    assert playout.next()[0] == 0
