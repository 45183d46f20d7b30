"""Addresses of databases and of other stores, as a profile gives them.

What is wrong is told without the address, which may hold a password; and one whose password ends
before its end, as it is written, is refused: the rest of it would be taken for what may be shown.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

_NO_HOST = "its host cannot be one"


def store_address(url: str) -> str:
    """An address of a known kind, if it can be one.

    Raises:
        ValueError: It cannot.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_NO_HOST) from None
    if parts.scheme == "sqlite":
        if "#" in url or "?" in url:
            raise ValueError("write # and ? in a path as %23 and %3F")
        if not unquote(parts.path)[1:].strip():
            raise ValueError("it needs a path: sqlite:///PATH")
        return url
    if "#" in url or "@" in parts.path + parts.query:
        raise ValueError("write /, ?, # and @ in a name or a password as %2F, %3F, %23 and %40")
    several = parts.scheme.startswith("postgres") and "," in hosts(parts)
    for each in hosts(parts).split(",") if several else [parts.netloc]:
        if several and not each:
            raise ValueError(_NO_HOST)
        try:
            _ = urlsplit(f"//{each}").port
        except ValueError:  # whose own text repeats what may be a password
            raise ValueError("its port must be a number, 1 to 65535") from None
    return url


def hosts(parts: SplitResult) -> str:
    """Where it is, without who asks: a host and its port, of PostgreSQL several."""
    return parts.netloc.rpartition("@")[2]


def file_address(path: Path) -> str:
    """The address of a file, whatever is in its name."""
    return f"sqlite:///{quote(str(path))}"


def file_at(url: str) -> Path:
    """The file of an address, ``sqlite:///PATH``."""
    return Path(unquote(urlsplit(url).path)[1:])
