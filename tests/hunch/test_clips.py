"""Clips that were spoken are kept whole, and a later run goes on from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.hunch import texts
from scripts.hunch.clips import HALVES, Clip, HunchError, Spoken


def clip(size: int, half: str = "train", kind: texts.Kind = "floor") -> Clip:
    return Clip(kind, "zh", half, np.arange(size, dtype=np.int16))


def spoken(*sizes: int) -> Spoken:
    return Spoken([clip(size) for size in sizes], {f"line {size}" for size in sizes} | {"好的"})


@pytest.mark.parametrize("sizes", [(), (3,), (3, 5, 2)])
def test_what_is_kept_is_read_as_it_was(sizes: tuple[int, ...], tmp_path: Path) -> None:
    at, before = tmp_path / "clips.npz", spoken(*sizes)
    before.save(at)
    after = Spoken.load(at)
    assert after.tried == before.tried
    assert [(c.kind, c.language, c.half) for c in after.clips] == [("floor", "zh", "train")] * len(
        sizes
    )
    for mine, other in zip(after.clips, before.clips, strict=True):
        assert np.array_equal(mine.wave, other.wave)
    assert [path.name for path in tmp_path.iterdir()] == ["clips.npz"]


def test_there_is_nothing_before_the_first_run(tmp_path: Path) -> None:
    assert Spoken.load(tmp_path / "clips.npz") == Spoken()


def test_a_later_run_adds_to_what_is_kept(tmp_path: Path) -> None:
    at = tmp_path / "clips.npz"
    spoken(3).save(at)
    both = Spoken.load(at)
    both.add(spoken(5))
    both.save(at)
    assert [len(c.wave) for c in Spoken.load(at).clips] == [3, 5]
    assert Spoken.load(at).tried == {"line 3", "line 5", "好的"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_is_written_by_half_replaces_nothing(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = tmp_path / "clips.npz"
    spoken(3).save(at)

    def half_written(file: Any, **arrays: Any) -> None:
        file.write(b"PK")
        raise error

    monkeypatch.setattr(np, "savez", half_written)
    with pytest.raises(error):
        spoken(5).save(at)
    assert [len(c.wave) for c in Spoken.load(at).clips] == [3]
    assert [path.name for path in tmp_path.iterdir()] == ["clips.npz"]


def _cut(at: Path) -> None:
    spoken(3).save(at)
    at.write_bytes(at.read_bytes()[:-40])


def _spoilt(at: Path) -> None:
    spoken(300).save(at)
    content = bytearray(at.read_bytes())
    middle = content.index(np.arange(100, 110, dtype=np.int16).tobytes())
    content[middle] ^= 1
    at.write_bytes(content)


def _older(at: Path) -> None:
    np.savez(at, kind=["floor"], language=["zh"], half=["train"], size=[2], wave=np.zeros(2))


def _other(at: Path) -> None:
    with at.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize("make", [_cut, _spoilt, _older, _other, Path.touch, Path.mkdir])
def test_of_a_file_that_is_no_clips_it_is_said_which_to_remove(make: Any, tmp_path: Path) -> None:
    at = tmp_path / "clips.npz"
    make(at)
    with pytest.raises(HunchError) as told:
        Spoken.load(at)
    assert str(told.value).startswith(f"{at} cannot be read as clips (")
    assert str(told.value).endswith("): remove it, and they are spoken anew.")
    assert "\n" not in str(told.value)


def test_where_too_few_are_spoken_it_is_said_what_is_lacking_and_what_to_do() -> None:
    at = Path("folder/clips.npz")
    every = [
        Clip(kind, language, half, np.zeros(9, np.int16))
        for half in HALVES
        for kind in texts.KINDS
        for language in texts.LANGUAGES
    ]
    Spoken(every).check(HALVES, at)
    for left_out in range(len(every)):
        some = every[:left_out] + every[left_out + 1 :]
        lacking = every[left_out]
        said = f"11 clips, and of them no {lacking.kind} in {lacking.language} for {lacking.half}: "
        with pytest.raises(HunchError, match=said):
            Spoken(some).check(HALVES, at)
    Spoken([c for c in every if c.half != "test"]).check(("train", "val"), at)
    with pytest.raises(HunchError, match=r"clips.npz has 0 clips.*more --speak"):
        Spoken().check(("train", "val"), at)
