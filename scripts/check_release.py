"""Whether a tag may be released: ``python scripts/check_release.py livekit-plugins-vllm-v0.1.0``.

Prints the folder of the package that the tag names. The version of the tag has to be the package's,
and the newest of its changelog, so that nothing is published under a number that says something
else.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_TAG = re.compile(r"(livekit-plugins-[a-z0-9-]+)-v([0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?)")


class ReleaseError(Exception):
    """The tag names no package as it is; the text says what differs."""


def checked(tag: str, root: Path = ROOT) -> Path:
    """The folder of the package that a tag names.

    Args:
        tag: ``PACKAGE-vVERSION``.
        root: The repository.

    Raises:
        ReleaseError: There is no such package, or it has another version.
    """
    found = _TAG.fullmatch(tag)
    if not found:
        raise ReleaseError(f"The tag {tag!r} is not PACKAGE-vMAJOR.MINOR.PATCH.")
    package, version = found.groups()
    folder = root / "plugins" / package
    if not folder.is_dir():
        known = ", ".join(
            sorted(path.name for path in (root / "plugins").glob("livekit-plugins-*"))
        )
        raise ReleaseError(f"There is no package {package}: there are {known}.")
    if (own := version_of(folder)) != version:
        raise ReleaseError(f"The tag {tag} is not of version {own}, which {package} has.")
    newest = newest_of(folder / "CHANGELOG.md")
    if newest != version:
        raise ReleaseError(f"{folder / 'CHANGELOG.md'} begins with {newest}: write down {version}.")
    return folder


def version_of(folder: Path) -> str:
    """The version of a package, as its build reads it.

    Args:
        folder: Its folder.
    """
    (file,) = folder.glob("livekit/plugins/*/version.py")
    found = re.search(r'^__version__ = "([^"]+)"$', file.read_text("utf-8"), re.MULTILINE)
    assert found, file
    return found[1]


def newest_of(changelog: Path) -> str:
    """The first heading of a changelog.

    Args:
        changelog: The file.
    """
    found = re.search(r"^## \[?([^\]\s]+)", changelog.read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "no version"


if __name__ == "__main__":
    try:
        print(checked(sys.argv[1] if len(sys.argv) > 1 else "").relative_to(ROOT))
    except ReleaseError as e:
        sys.exit(str(e))
