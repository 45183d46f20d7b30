"""One file over HTTP: resumed where it stopped, accepted only with the right hash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from .store import sha256_of

# No answer, or no byte, for this long: the connection is dead and worth a new one. Seconds.
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class DownloadError(Exception):
    """A file could not be fetched, or is not the one that was asked for."""


class _Again(DownloadError):
    """A failure that is worth another attempt."""


def download(
    url: str,
    path: Path,
    *,
    size: int,
    sha256: str,
    on_progress: Callable[[int], None] = lambda _: None,
    attempts: int = 5,
    pause: float = 1.0,
) -> None:
    """Fetch a file, resuming from what an earlier call left in ``path`` + ``.part``.

    Args:
        url: Address of the file.
        path: Where to put it; it exists afterwards only if all of it is right.
        size: Number of bytes expected.
        sha256: SHA-256 expected.
        on_progress: Called with the number of bytes on disk, as they arrive.
        attempts: How often a broken connection or an overloaded server is asked again.
        pause: Wait before the second attempt in seconds, doubled before each further one.

    Raises:
        DownloadError: The file cannot be fetched, or its hash is wrong; the text says why.
        OSError: The file cannot be written.
    """
    if path.is_file() and path.stat().st_size == size and sha256_of(path) == sha256:
        on_progress(size)
        return
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    retrying = Retrying(
        retry=retry_if_exception_type((httpx.TransportError, _Again)),
        stop=stop_after_attempt(attempts),
        wait=wait_exponential(multiplier=pause, max=10.0),
        reraise=True,
    )
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            retrying(_attempt, client, url, part, size, sha256, on_progress)
    except httpx.HTTPError as e:
        raise DownloadError(f"{type(e).__name__}: {e}") from e
    part.replace(path)


def _attempt(
    client: httpx.Client,
    url: str,
    part: Path,
    size: int,
    sha256: str,
    on_progress: Callable[[int], None],
) -> None:
    start = part.stat().st_size if part.is_file() else 0
    if start > size:
        part.unlink()
        start = 0
    if start < size:
        _append(client, url, part, start, size, on_progress)
    on_progress(size)
    if (actual := sha256_of(part)) != sha256:
        part.unlink()
        message = f"its SHA-256 is {actual[:8]}…, not {sha256[:8]}…"
        # What was there before may have been of another version: begin anew, once.
        raise _Again(message) if start else DownloadError(message)


def _append(
    client: httpx.Client,
    url: str,
    part: Path,
    start: int,
    size: int,
    on_progress: Callable[[int], None],
) -> None:
    headers = {"Accept-Encoding": "identity"}  # ranges count the bytes of the file itself
    if start:
        headers["Range"] = f"bytes={start}-"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code >= 500 or response.status_code == 429:
            raise _Again(f"the server answers {response.status_code} {response.reason_phrase}")
        response.raise_for_status()
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        with part.open("ab" if response.status_code == 206 and resumed else "wb") as stream:
            on_progress(stream.tell())
            for chunk in response.iter_raw():  # as it comes: a buffer would be lost in a break
                stream.write(chunk)
                on_progress(stream.tell())
            received = stream.tell()
    if received < size:
        raise _Again(f"the connection ended after {received} of {size} bytes")
    if received > size:
        part.unlink()
        raise DownloadError(f"it has {received} bytes instead of {size}")
