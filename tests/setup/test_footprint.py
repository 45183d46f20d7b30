"""What `make footprint` counts: the disk of what was installed, the memory of what runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agent.stack import footprint

MEGABYTE = 1_000_000


def test_a_file_of_several_names_takes_its_place_once(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.bin").write_bytes(os.urandom(2 * MEGABYTE))
    os.link(tmp_path / "model" / "a.bin", tmp_path / "model" / "b.bin")
    (tmp_path / "model" / "c.bin").symlink_to("a.bin")
    assert 2 * MEGABYTE <= footprint.disk(tmp_path) < 2.2 * MEGABYTE
    assert footprint.disk(tmp_path / "nothing") == 0


def test_a_sparse_file_takes_what_it_holds(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(500 * MEGABYTE)
    assert footprint.disk(tmp_path) < MEGABYTE


@pytest.fixture
def holder() -> Iterator[psutil.Process]:
    """A process of which a child, as multiprocessing makes them, holds 50 MB."""
    child = "held = bytearray(50_000_000); print('up', flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == b"up\n"
    yield psutil.Process(process.pid)
    process.communicate(b"\n")


def test_the_memory_of_descendants_counts(holder: psutil.Process) -> None:
    assert 50 * MEGABYTE < sum(footprint.memory([holder]).values()) < 150 * MEGABYTE


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["/venv/bin/python", "-m", "agent.local", "llm", "--port", "1"], "agent.local llm"),
        (["/venv/bin/python", "-m", "agent.web", "--port", "1"], "agent.web"),
        (["/venv/bin/python", "agent.py", "start"], "agent.py"),
        (["/usr/bin/livekit-server", "--port", "1"], "livekit-server"),
        ([], "a process that ends"),
    ],
)
def test_a_process_is_called_what_it_runs(words: list[str], name: str) -> None:
    assert footprint._name(words) == name
