"""Figures of processes that come and go, in as few files as there are processes at a time.

prometheus_client keeps two files for each process that has counted something, as long as the server
runs, and reads all of them for each page. A job is a process: after a thousand calls that would be
125 MiB on disk, and 1.3 s of a processor for each page.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from pathlib import Path
from typing import BinaryIO


class Place:
    """Gives this process a name that no other one has while it lives.

    However the process ends, the next one to begin has the name, and goes on with the figures that
    are kept under it.

    Args:
        folder: Where the figures are, which has a file for each name that was ever given.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: int | None = None
        self._name = ""
        self._lock: BinaryIO | None = None

    def __call__(self) -> str:
        """The name of this process."""
        if self._process != os.getpid():  # the first time, or after a fork
            self._take()
        return self._name

    def _take(self) -> None:
        for number in itertools.count():
            lock = (self._folder / f"place{number}.lock").open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            self._lock, self._name, self._process = lock, f"place{number}", os.getpid()
            return
