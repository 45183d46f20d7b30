from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes an agent's folder: what agent.yaml says, and its Python by name of the file."""

    def write(files: dict[str, str] | None = None, /, *, at: str = "shop", **says: object) -> Path:
        path = tmp_path / at
        path.mkdir(exist_ok=True)
        content = {"name": "Shop", "instructions": "You sell tea.", **says}
        (path / "agent.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        for name, text in (files or {}).items():
            (path / name).write_text(text, "utf-8")
        return path

    return write
