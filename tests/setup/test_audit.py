"""The audit of packages says what is known, and that nothing was looked at is no praise."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.audit import report

GOOD: dict[str, Any] = {"name": "starlette", "version": "1.10.0", "vulns": []}
WEAK: dict[str, Any] = {
    "name": "starlette",
    "version": "0.40.0",
    "vulns": [{"id": "CVE-2025-54121", "fix_versions": ["0.47.2"]}],
}
SKIPPED: dict[str, Any] = {"name": "starlette", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "status", "out", "err"),
    [
        ([GOOD], 0, "1 of 1 packages audited, 0 with", ""),
        ([GOOD, WEAK], 1, "starlette 0.40.0: CVE-2025-54121, mended in 0.47.2", ""),
        ([WEAK | {"vulns": [{"id": "X", "fix_versions": []}]}], 1, "X, mended in no version", ""),
        ([SKIPPED, SKIPPED], 0, "0 of 2 packages audited", "Nothing was audited"),
        ([SKIPPED, WEAK], 1, "1 of 2 packages audited, 1 with", ""),
    ],
)
def test_what_is_known_is_told(
    packages: list[dict[str, Any]],
    status: int,
    out: str,
    err: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report(packages) == status
    said = capsys.readouterr()
    assert out in said.out
    assert err in said.err
