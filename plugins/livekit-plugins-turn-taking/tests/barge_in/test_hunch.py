"""The network that guesses what a sound is, by its weights, on speech that it has not learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from livekit.plugins.turn_taking.barge_in import hunch
from livekit.plugins.turn_taking.barge_in.sound import WINDOW
from livekit.plugins.turn_taking.model import ModelError
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE
from numpy.typing import NDArray

from .clips import clip

_NAMES = [f"{k}_{z}_{n}" for k in ("floor", "backchannel") for z in ("en", "zh") for n in (0, 1)]


@pytest.mark.parametrize("name", _NAMES)
def test_after_half_a_second_it_knows_who_takes_the_floor(name: str) -> None:
    guessed = hunch.guess(clip(name))
    if name.startswith("floor"):
        assert guessed.floor > 0.5 > guessed.backchannel
    else:
        assert guessed.floor < 0.5 < guessed.backchannel


@pytest.mark.parametrize("name", _NAMES)
def test_how_loud_it_is_tells_nothing(name: str) -> None:
    heard = clip(name)
    quiet = (heard * 0.1).astype(np.int16)
    assert hunch.guess(quiet).floor == pytest.approx(hunch.guess(heard).floor, abs=0.1)


_AT = np.arange(round(0.6 * SAMPLE_RATE)) / SAMPLE_RATE
_HISS = np.random.default_rng(1).normal(0, 3000, _AT.size)


@pytest.mark.parametrize(
    "sound",
    [_HISS, 3 * _HISS * np.exp(-_AT / 0.05), 3000 * np.sin(2 * np.pi * 100 * _AT)],
    ids=["hiss", "a door", "a hum"],
)
def test_noise_is_nobody(sound: NDArray[np.float64]) -> None:
    assert hunch.guess(sound.astype(np.int16)).floor < 0.5


@pytest.mark.parametrize("windows", [1, 2, 11, 40, 60])
@pytest.mark.parametrize("loud", [0, 1])
def test_any_length_of_sound_gives_a_whole(windows: int, loud: int) -> None:
    heard = np.tile(clip("floor_en_0"), 3)[: round(windows * WINDOW * SAMPLE_RATE)] * loud
    guessed = hunch.guess(heard.astype(np.int16))
    assert sum(astuple(guessed)) == pytest.approx(1, abs=1e-3)
    assert min(astuple(guessed)) >= 0


@pytest.fixture(params=["missing", "broken"])
def no_network(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    path = tmp_path / "hunch.onnx"
    if request.param == "broken":
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    monkeypatch.setattr(hunch, "_FILE", path)
    hunch.load.cache_clear()
    yield path
    hunch.load.cache_clear()


def test_one_that_cannot_be_loaded_says_what_to_do(no_network: Path) -> None:
    hunch.prewarm()
    with pytest.raises(ModelError, match=r"hunch.onnx cannot be loaded .*hunches=False"):
        hunch.guess(clip("floor_en_0"))
