"""A folder of documents that can be searched while it is written in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..models.store import cache
from .index import Index, build, files_of
from .passage import KnowledgeError, Passage

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_AGAIN = 5.0
"""Seconds after which a search looks whether a file has changed. It does so in a thread and waits
for nothing."""


class Folder:
    """Markdown and text of a folder, through an index in the cache.

    The index is made when there is none, in a thread, and again when a file has changed; until
    that is done the one from before answers.

    Args:
        path: The folder.
        index: The file of the index; one in the cache, by the folder's path, if None.
        clock: Seconds on a clock that never steps back.
    """

    def __init__(
        self,
        path: Path,
        index: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = path.absolute()
        self._file = index or _in_cache(self._folder)
        self._clock = clock
        # SQLite blocks, and a connection belongs to one thread.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="parley-knowledge")
        self._index: Index | None = None
        self._looked = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self._closed = False

    async def ready(self) -> None:
        """Make the index, if there is none of the files as they are.

        Raises:
            KnowledgeError: The folder or a file of it cannot be read.
        """
        # Who stops waiting does not stop it for the others.
        await asyncio.shield(self._begin_renewal())

    async def search(self, query: str, limit: int) -> list[Passage]:
        """Find what fits a query best.

        Raises:
            KnowledgeError: There is no index and none can be made, or it is closed.
        """
        if self._index is None:
            await self.ready()
        elif self._clock() - self._looked >= LOOK_AGAIN:
            self._begin_renewal()  # for the next search: this one does not wait

        def work() -> list[Passage]:
            return self._index.search(query, limit) if self._index else []

        return await self._in_reader(work)

    async def aclose(self) -> None:
        """Stop making an index, and close the one there is; may be called twice."""
        self._closed = True
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        if self._index:
            await asyncio.get_running_loop().run_in_executor(self._reader, self._index.close)
            self._index = None
        self._reader.shutdown(wait=False)

    def _begin_renewal(self) -> asyncio.Task[None]:
        if self._closed:
            raise KnowledgeError(f"The index of {self._folder} is closed.")
        if self._renewing is None or self._renewing.done():
            self._looked = self._clock()
            self._renewing = asyncio.create_task(self._renew(), name="knowledge: renew the index")
            self._renewing.add_done_callback(self._log_failure)
        return self._renewing

    def _log_failure(self, renewal: asyncio.Task[None]) -> None:
        if not renewal.cancelled() and (error := renewal.exception()):
            logger.warning("documents cannot be indexed", extra={"reason": str(error)})

    async def _renew(self) -> None:
        began = self._clock()
        files = await asyncio.to_thread(files_of, self._folder)
        if self._index is None:
            with contextlib.suppress(KnowledgeError):  # none yet, or one of another version
                await self._open()
        if self._index is None or self._index.files != files:
            await asyncio.to_thread(build, self._folder, files, self._file)
            await self._open()
            logger.info(
                "documents indexed",
                extra={"files": len(files), "seconds": round(self._clock() - began, 3)},
            )

    async def _open(self) -> None:
        def work() -> None:
            opened = Index(self._file)
            if self._index:
                self._index.close()
            self._index = opened

        await self._in_reader(work)

    async def _in_reader(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise KnowledgeError(f"The index of {self._folder} is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)


def _in_cache(folder: Path) -> Path:
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return cache() / "knowledge" / f"{name}.sqlite3"
