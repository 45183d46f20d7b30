"""Known weaknesses of the packages that uv.lock and the router's own pin: ``make audit``.

Asks the package index, through pip-audit. An index that has no advisories, as mirrors often do,
audits nothing, which is said and is no failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECTS = (".", "deploy/router")
"""Folders with a uv.lock."""


def main() -> int:
    """Audit; gives 1 if a weakness is known, 2 if the audit itself failed."""
    return max(audit(project) for project in PROJECTS)


def audit(project: str) -> int:
    """Audit what one uv.lock pins; gives the same."""
    print(f"{project}/uv.lock:", flush=True)
    export = [
        *(os.environ.get("UV", "uv"), "export", "--quiet", "--locked", "--all-extras"),
        *("--no-emit-workspace", "--no-header", "--project", project),
    ]
    pinned = subprocess.run(export, check=True, stdout=subprocess.PIPE).stdout
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_bytes(pinned)
        audited = subprocess.run(
            [
                *("pip-audit", "--requirement", str(file), "--require-hashes", "--disable-pip"),
                *("--format", "json", "--progress-spinner", "off"),
            ],
            stdout=subprocess.PIPE,
            check=False,
        )
    try:
        packages: list[dict[str, Any]] = json.loads(audited.stdout)["dependencies"]
    except ValueError:
        print("pip-audit failed: see above.", file=sys.stderr)
        return 2
    return report(packages)


def report(packages: list[dict[str, Any]]) -> int:
    """Say what is known of the packages, as pip-audit lists them; gives 1 if it is a weakness."""
    known = [package for package in packages if "skip_reason" not in package]
    weak = [package for package in known if package["vulns"]]
    for package in weak:
        for each in package["vulns"]:
            fixed = ", ".join(each["fix_versions"]) or "no version"
            print(f"{package['name']} {package['version']}: {each['id']}, mended in {fixed}")
    print(f"{len(known)} of {len(packages)} packages audited, {len(weak)} with known weaknesses.")
    if not known:
        print("Nothing was audited: this package index has no advisories.", file=sys.stderr)
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
