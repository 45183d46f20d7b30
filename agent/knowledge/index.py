"""The full-text index of a folder: one SQLite file, made whole and then only read."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .chunks import Chunk, markdown_chunks, text_chunks
from .passage import KnowledgeError, Passage
from .words import index_words, query_words

MARKDOWN, TEXT = (".md", ".markdown"), (".txt",)

MOST_BYTES = 20_000_000
"""Bytes of all files together; what is larger belongs to a search service."""

VERSION = 1
"""Of the file's contents: an index of another version is made anew."""

_PREFIX = 4
"""Letters from which on a word also finds longer ones: "deliver" finds "deliveries"."""

_SCHEMA = """
CREATE VIRTUAL TABLE passages USING fts5(
    headings, body, text UNINDEXED, source UNINDEXED,
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TABLE files (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, changed INTEGER NOT NULL);
"""

Files = dict[str, tuple[int, int]]
"""Size in bytes and time of the last change in nanoseconds, by the path within the folder."""


def files_of(folder: Path) -> Files:
    """The documents of a folder and of those in it, hidden ones and links to elsewhere left out.

    Raises:
        KnowledgeError: There is no such folder, or too much in it.
    """
    root = folder.resolve()
    found: Files = {}
    try:
        if not root.is_dir():
            raise KnowledgeError(f"The folder of documents {folder} does not exist.")
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            if path.suffix.lower() not in MARKDOWN + TEXT or not path.is_file():
                continue
            hidden = any(part.startswith(".") for part in name.parts)
            if hidden or not path.resolve().is_relative_to(root):
                continue
            stat = path.stat()
            found[name.as_posix()] = (stat.st_size, stat.st_mtime_ns)
    except OSError as e:
        raise KnowledgeError(f"The folder of documents {folder} cannot be read: {e}.") from e
    if (total := sum(size for size, _ in found.values())) > MOST_BYTES:
        raise KnowledgeError(
            f"{folder} has {total / 1e6:.0f} MB of documents, and {MOST_BYTES / 1e6:.0f} are the"
            " most for a folder: put a search service behind Knowledge.search instead."
        )
    return found


def build(folder: Path, files: Files, to: Path) -> None:
    """Make the index of some files, and put it in place of what is there.

    Raises:
        KnowledgeError: A file cannot be read, or the index cannot be written.
    """
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may make it at once: each makes its own, and the last one stays.
        handle, name = tempfile.mkstemp(prefix=f"{to.stem}-", suffix=".part", dir=to.parent)
        os.close(handle)
        part = Path(name)
        try:
            with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as database:
                database.execute("PRAGMA journal_mode = OFF")
                database.execute("PRAGMA synchronous = OFF")
                database.executescript(_SCHEMA)
                database.execute(f"PRAGMA user_version = {VERSION}")
                database.execute("BEGIN")
                for file, (size, changed) in files.items():
                    database.execute("INSERT INTO files VALUES (?, ?, ?)", (file, size, changed))
                    database.executemany(
                        "INSERT INTO passages VALUES (?, ?, ?, ?)", _rows(folder, file)
                    )
                database.execute("INSERT INTO passages(passages) VALUES ('optimize')")
                database.execute("COMMIT")
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as e:
        raise KnowledgeError(f"The index of {folder} cannot be written to {to}: {e}.") from e


def _rows(folder: Path, file: str) -> Iterator[tuple[str, str, str, str]]:
    try:
        text = (folder / file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise KnowledgeError(f"{folder / file} cannot be read as UTF-8 text: {e}.") from e
    chunks = markdown_chunks if Path(file).suffix.lower() in MARKDOWN else text_chunks
    for chunk in chunks(text):
        yield _headings(file, chunk), index_words(chunk.text), chunk.text, _source(file, chunk)


def _headings(file: str, chunk: Chunk) -> str:
    # The name of a file says what it is about as a heading does.
    return index_words(" ".join((Path(file).with_suffix("").as_posix(), *chunk.headings)))


def _source(file: str, chunk: Chunk) -> str:
    return " › ".join((file, *chunk.headings))


class Index:
    """An index that was built, open for reading; of one thread.

    Args:
        path: The file.

    Raises:
        KnowledgeError: There is none, or not one of this version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # A file that is replaced whole never changes: nobody has to be kept out of it.
            uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            self._database = sqlite3.connect(uri, uri=True)
            try:
                (version,) = self._database.execute("PRAGMA user_version").fetchone()
                rows = self._database.execute("SELECT name, bytes, changed FROM files").fetchall()
            except BaseException:
                self._database.close()
                raise
        except sqlite3.Error as e:
            raise KnowledgeError(f"There is no index at {path}: {e}.") from e
        if version != VERSION:
            self._database.close()
            raise KnowledgeError(f"The index at {path} is of another version.")
        self.files: Files = {name: (size, changed) for name, size, changed in rows}

    def search(self, query: str, limit: int) -> list[Passage]:
        """Find what fits best, by BM25; a word in a heading counts three times.

        Raises:
            KnowledgeError: The file is damaged.
        """
        words = query_words(query)
        if not words:
            return []
        try:
            rows = self._database.execute(
                "SELECT text, source, -bm25(passages, 3.0, 1.0) AS score FROM passages"
                " WHERE passages MATCH ? ORDER BY score DESC LIMIT ?",
                (" OR ".join(map(_term, words)), limit),
            ).fetchall()
        except sqlite3.Error as e:
            raise KnowledgeError(f"The index at {self._path} cannot be searched: {e}.") from e
        return [Passage(text, source, score) for text, source, score in rows]

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._database.close()


def _term(word: str) -> str:
    # Words are letters and digits only; quoted, none of them is an operator.
    return f'"{word}"*' if len(word) >= _PREFIX and word.isascii() else f'"{word}"'
