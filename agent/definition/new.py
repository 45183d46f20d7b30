"""A new agent: a folder that runs as it is, to be changed from there."""

from __future__ import annotations

import re
from pathlib import Path

from agent.wrong import SettingsError

TEMPLATE = Path(__file__).with_name("template")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


def write(name: str, where: Path) -> Path:
    """Write the folder of a new agent.

    Args:
        name: Its name.
        where: The folder that its own is made in.

    Returns:
        Its folder.

    Raises:
        SettingsError: The name cannot be one, or there is such a folder.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be the name of an agent: it begins with a letter from a to z, and "
            "may have such letters, digits and -, 40 at most."
        )
    folder = where / name
    if folder.exists():
        raise SettingsError(f"There is {folder} already: choose another name.")
    folder.mkdir(parents=True)
    title = name.replace("-", " ").title()
    for source in sorted(TEMPLATE.rglob("*.template")):
        text = source.read_text(encoding="utf-8")
        file = source.name.removesuffix(".template").replace("NAME", name.replace("-", "_"))
        target = folder / source.parent.relative_to(TEMPLATE) / file
        target.parent.mkdir(exist_ok=True)
        filled = text.replace("__NAME__", name).replace("__TITLE__", title)
        target.write_text(filled, encoding="utf-8")
    return folder
