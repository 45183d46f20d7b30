"""Which models a machine gets: by its cores and its memory, unless it is told otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agent.models import ModelError, called, manifest, size, store
from agent.models.manifest import Folder, Hub, Pinned, Published
from agent.stack import Stack


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A large one, whatever this is, with nothing in its cache."""
    monkeypatch.delenv("PARLEY_MODELS", raising=False)
    monkeypatch.setattr(size, "cores", lambda: 8)
    monkeypatch.setattr(size, "memory", lambda: 16 * 2**30)
    return monkeypatch


def test_six_cores_and_eight_gigabytes_take_the_large_ones(machine: pytest.MonkeyPatch) -> None:
    assert size.chosen() == "large"
    assert "8 cores and 16 GB" in size.reason()
    assert "PARLEY_MODELS=small" in size.reason()
    machine.setattr(size, "cores", lambda: size.CORES - 1)
    assert size.chosen() == "small"
    machine.setattr(size, "cores", lambda: size.CORES)
    machine.setattr(size, "memory", lambda: size.MEMORY - 1)
    assert size.chosen() == "small"
    assert "PARLEY_MODELS=large" in size.reason()


@pytest.mark.parametrize("wish", ["small", "large"])
def test_a_wish_is_heard(wish: str, machine: pytest.MonkeyPatch) -> None:
    machine.setenv("PARLEY_MODELS", wish)
    assert size.chosen() == wish
    assert size.reason() == "PARLEY_MODELS asks for them"


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 1), (6, 2), (16, 5)])
def test_a_recogniser_that_shares_its_cores_has_one_thread(
    cores: int, threads: int, machine: pytest.MonkeyPatch
) -> None:
    machine.setattr(size, "cores", lambda: cores)
    assert size.ear_threads() == threads


def test_a_container_has_what_it_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "_CONTAINER", tmp_path)
    everything = size.cores(), size.memory()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert (size.cores(), size.memory()) == everything
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert (size.cores(), size.memory()) == (1, 1_000_000)


def test_a_size_takes_its_models_from_folders_of_their_own(
    tmp_path: Path, machine: pytest.MonkeyPatch
) -> None:
    machine.setenv("PARLEY_CACHE", str(tmp_path))
    folders: set[Path] = set()
    for wish, llm in (
        ("small", "qwen2.5-coder-0.5b-instruct"),
        ("large", "qwen2.5-coder-1.5b-instruct"),
    ):
        machine.setenv("PARLEY_MODELS", wish)
        assert called("llm") == llm
        for name in ("llm", "stt"):
            role = manifest.load().role(name)
            assert isinstance(role, Pinned)
            found = {store.folder(name, role)}
            found |= {store.folder(name, role.published)} if role.published else set()
            assert not folders & found
            folders |= found
    assert manifest.load().role("kokoro") == manifest.load().roles["kokoro"]


def test_a_better_model_of_the_makers_is_called_what_it_is(
    tmp_path: Path, machine: pytest.MonkeyPatch
) -> None:
    machine.setenv("PARLEY_CACHE", str(tmp_path))
    assert called("stt") == "whisper-base"  # that of the packages
    role = manifest.load().role("stt")
    assert isinstance(role, Pinned)
    assert isinstance(role.published, Published)
    where = store.folder("stt", role.published)
    where.mkdir(parents=True)
    for name, file in role.published.files.items():
        (where / name).touch()
        store.note(where, name, file.sha256)
    assert called("stt") == "whisper-small"


def test_ones_own_list_goes_over_the_size(tmp_path: Path, machine: pytest.MonkeyPatch) -> None:
    own = tmp_path / "models.yaml"
    own.write_text(yaml.safe_dump({"roles": {"llm": {"folder": str(tmp_path)}}}))
    machine.setenv("PARLEY_MODELS", str(own))
    assert isinstance(manifest.load().role("llm"), Folder)
    assert called("stt") == "whisper-base"
    assert size.chosen() == "large"
    assert manifest.sized() == {"stt"}
    own.write_text(
        yaml.safe_dump({"roles": {"stt": {"hub": "me/mine", "files": {"model.bin": "model.bin"}}}})
    )
    assert isinstance(manifest.load().role("stt"), Hub)
    assert called("llm") == "qwen2.5-coder-1.5b-instruct"
    machine.setenv("PARLEY_MODELS", str(tmp_path / "nothing.yaml"))
    with pytest.raises(
        ModelError, match=r"nothing\.yaml cannot be read: .* is small, large or such a file"
    ):
        manifest.load()


async def test_a_start_says_which_and_why(machine: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    await Stack(on_line=lines.append).introduce()
    [line] = [line for line in lines if "1.5b" in line]
    assert line.startswith("qwen2.5-coder-1.5b-instruct and whisper-")
    assert ": the large ones, as this machine has 8 cores and 16 GB of memory" in line
