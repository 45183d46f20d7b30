"""A file over HTTP: resumed, verified, or refused with the reason."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.models.download import DownloadError, download

from .files import FileServer, serve

CONTENT = random.Random(1).randbytes(700_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve() as state:
        state.files["/file"] = CONTENT
        yield state


def get(server: FileServer, path: Path, name: str = "/file", size: int = len(CONTENT)) -> list[int]:
    progress: list[int] = []
    download(
        server.url + name,
        path,
        size=size,
        sha256=SHA256,
        on_progress=progress.append,
        attempts=3,
        pause=0.0,
    )
    return progress


def part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def test_a_file_arrives_whole(server: FileServer, tmp_path: Path) -> None:
    progress = get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert progress == sorted(progress)
    assert progress[-1] == len(CONTENT)


def test_what_an_earlier_run_left_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    part(tmp_path / "f").write_bytes(CONTENT[:300_000])
    progress = get(server, tmp_path / "f")
    assert server.asked == [("/file", "bytes=300000-")]
    assert progress[0] == 300_000
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_broken_connection_is_resumed_where_it_broke(server: FileServer, tmp_path: Path) -> None:
    server.breaks = [200_000, 100_000]
    get(server, tmp_path / "f")
    assert [wanted for _, wanted in server.asked] == [None, "bytes=200000-", "bytes=300000-"]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_what_arrived_survives_giving_up(server: FileServer, tmp_path: Path) -> None:
    server.breaks = [1000, 1000, 1000]
    with pytest.raises(DownloadError):
        get(server, tmp_path / "f")
    assert part(tmp_path / "f").read_bytes() == CONTENT[:3000]


def test_a_server_without_ranges_sends_it_all_again(server: FileServer, tmp_path: Path) -> None:
    server.ranges = False
    part(tmp_path / "f").write_bytes(CONTENT[:300_000])
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_remains_of_another_version_are_thrown_away(server: FileServer, tmp_path: Path) -> None:
    part(tmp_path / "f").write_bytes(bytes(300_000))
    get(server, tmp_path / "f")
    assert [wanted for _, wanted in server.asked] == ["bytes=300000-", None]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_remains_longer_than_the_file_are_thrown_away(server: FileServer, tmp_path: Path) -> None:
    part(tmp_path / "f").write_bytes(CONTENT + b"more")
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_wrong_file_is_refused_and_leaves_nothing(server: FileServer, tmp_path: Path) -> None:
    server.files["/file"] = b"x" * len(CONTENT)
    with pytest.raises(DownloadError, match=rf"its SHA-256 is \w{{8}}…, not {SHA256[:8]}…"):
        get(server, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []
    assert len(server.asked) == 1  # the same file would come again


def test_a_file_longer_than_expected_is_refused(server: FileServer, tmp_path: Path) -> None:
    server.files["/file"] = CONTENT + b"more"
    with pytest.raises(DownloadError, match="it has 700004 bytes instead of 700000"):
        get(server, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_an_overloaded_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_asked_for_once(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="404"):
        get(server, tmp_path / "f", name="/other")
    assert len(server.asked) == 1


def test_a_finished_file_is_left_alone(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(CONTENT)
    get(server, tmp_path / "f")
    assert server.asked == []
