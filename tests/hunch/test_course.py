"""A training learns from its first step on, and says when it came to nothing."""

from __future__ import annotations

import pytest

from scripts.hunch import course
from scripts.hunch.clips import HunchError


def test_the_rate_rises_from_the_first_step_on_and_falls_to_the_end() -> None:
    rising = [course.rate(step, 0.0) for step in range(course.WARM_UP)]
    assert rising[0] > 0
    assert rising == sorted(set(rising))
    assert rising[-1] == 1
    falling = [course.rate(10 * course.WARM_UP, part / 10) for part in range(11)]
    assert falling == sorted(set(falling), reverse=True)
    assert falling[-1] == pytest.approx(0)


def test_a_processor_has_fewer_mixes_a_step_than_a_gpu() -> None:
    assert 1 <= course.mixes("cpu") < course.mixes("cuda")


def test_what_ended_while_the_rate_rose_is_refused() -> None:
    course.check(course.WARM_UP, 300)
    with pytest.raises(HunchError, match=r"^33 steps were done in 300 s.* give --train 2730 or"):
        course.check(33, 300)
    for steps, seconds in ((0, 0.0), (0, 20.0), (1, 400.0), (course.WARM_UP - 1, 300.0)):
        with pytest.raises(HunchError, match=f"^{steps} steps were done in {seconds:.0f} s"):
            course.check(steps, seconds)
