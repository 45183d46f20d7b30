"""What is fetched, from where, and how it is recognised: ``agent/models/manifest.yaml``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

MANIFEST = Path(__file__).resolve().parent / "manifest.yaml"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ModelError(Exception):
    """A model file is missing, damaged or unknown; the text says which and what to do."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Package(_Entry):
    """One archive of a package registry, pinned."""

    registry: Literal["pypi", "npm"]
    version: str
    file: str
    """File name of the wheel, source distribution or tarball."""
    size: PositiveInt
    """Size of the archive in bytes."""
    sha256: Sha256
    """SHA-256 of the archive as published."""
    licence: str


class File(_Entry):
    """One file of a role, joined from members of packages."""

    size: PositiveInt
    """Size of the joined file in bytes."""
    sha256: Sha256
    """SHA-256 of the joined file."""
    parts: Annotated[list[dict[str, str]], Field(min_length=1)]
    """``{package: path inside its archive}``, in the order in which they are joined."""
    origin: Annotated[str, Field(pattern="^(hf|https?)://")] | None = None
    """Where its makers publish it: an address, or ``hf://OWNER/REPOSITORY@REVISION/PATH``."""


class PublishedFile(_Entry):
    """One file as it is published, pinned."""

    size: PositiveInt
    """Size in bytes."""
    sha256: Sha256
    origin: Annotated[str, Field(pattern="^(hf|https?)://")]
    """Where it is: an address, or ``hf://OWNER/REPOSITORY@REVISION/PATH``."""


class Published(_Entry):
    """The files of a role in the form in which they are published, where no package has it."""

    files: Annotated[dict[str, PublishedFile], Field(min_length=1)]


class Pinned(_Entry):
    """A role whose files are known: from their origin, and the same out of packages."""

    what: str
    files: Annotated[dict[str, File], Field(min_length=1)]
    published: Published | None = None
    """The same model in other files, all of which are taken in place of ``files`` if they can be
    had."""


class Hub(_Entry):
    """A role whose files come from a repository on the Hugging Face hub."""

    hub: str
    """``OWNER/REPOSITORY``."""
    revision: str = "main"
    files: Annotated[dict[str, str], Field(min_length=1)]
    """``{file of the role: file in the repository}``."""


class Folder(_Entry):
    """A role whose files the user already has."""

    folder: Path


Role = Pinned | Hub | Folder


class Manifest(_Entry):
    """Every role, and the packages that hold their files."""

    roles: dict[str, Role]
    packages: dict[str, Package] = {}

    def role(self, name: str) -> Role:
        """Look a role up.

        Raises:
            ModelError: There is no such role; the text lists those that exist.
        """
        if name not in self.roles:
            raise ModelError(f"There is no model {name!r}: there are {', '.join(self.roles)}.")
        return self.roles[name]


def load() -> Manifest:
    """Read the shipped manifest, with the roles of the file that ``PARLEY_MODELS`` names over it.

    Raises:
        ModelError: That file is missing or malformed; the text says where.
    """
    shipped = _read(MANIFEST)
    own = os.environ.get("PARLEY_MODELS")
    if not own:
        return shipped
    chosen = _read(Path(own))
    return Manifest(
        roles={**shipped.roles, **chosen.roles}, packages={**shipped.packages, **chosen.packages}
    )


def _read(path: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as e:
        raise ModelError(f"The list of models {path} cannot be read: {e.strerror}.") from e
    except yaml.YAMLError as e:
        raise ModelError(f"{path} is not valid YAML: {' '.join(str(e).split())}") from e
    except ValidationError as e:
        error = e.errors()[0]
        where = ".".join(str(part) for part in error["loc"])
        raise ModelError(f"{path} is not a list of models: {where}: {error['msg']}.") from e
    for role in manifest.roles.values():
        for name, file in role.files.items() if isinstance(role, Pinned) else ():
            for package in (package for part in file.parts for package in part):
                if package not in manifest.packages:
                    raise ModelError(f"{path}: {name} names the package {package}, not listed.")
    return manifest
