"""What these tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_recordings_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts come from the package, not from a voice that a demo on this machine has recorded."""
    monkeypatch.setenv("PARLEY_CACHE", str(tmp_path))
