"""Texts that were spoken, kept in one file, so that a later run has only to speak the others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from . import texts

Wave: TypeAlias = NDArray[np.int16]
Half: TypeAlias = str

HALVES: tuple[Half, ...] = ("train", "val", "test")
"""What is learnt from, what is looked at meanwhile, and what is looked at once."""


class HunchError(Exception):
    """Something is lacking; the text says what, and what to do."""


@dataclass(frozen=True)
class Clip:
    """One text that was spoken."""

    kind: texts.Kind
    language: texts.Language
    half: Half
    wave: Wave


@dataclass
class Spoken:
    """Texts that were spoken."""

    clips: list[Clip] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    """The names of all lines that were spoken, of those too that came out silent."""

    def add(self, other: Spoken) -> None:
        """Take those of another one too."""
        self.clips += other.clips
        self.tried |= other.tried

    def save(self, path: Path) -> None:
        """Keep them in a file, whole or not at all."""
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                np.savez(
                    file,
                    kind=np.array([c.kind for c in self.clips], str),
                    language=np.array([c.language for c in self.clips], str),
                    half=np.array([c.half for c in self.clips], str),
                    size=np.array([len(c.wave) for c in self.clips], np.int64),
                    wave=np.concatenate([np.zeros(0, np.int16), *(c.wave for c in self.clips)]),
                    tried=np.array(sorted(self.tried), str),
                )
            os.replace(part, path)
        except BaseException:  # a full disk, or somebody who does not want to wait
            part.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> Spoken:
        """Those that are kept in a file; none if there is no file.

        Raises:
            HunchError: It is something else.
        """
        try:
            with np.load(path) as kept:
                rows = zip(kept["kind"], kept["language"], kept["half"], strict=True)
                waves = np.split(kept["wave"], np.cumsum(kept["size"]))[:-1]
                return cls(
                    [
                        Clip(str(kind), str(language), str(half), wave)  # type: ignore[arg-type]
                        for (kind, language, half), wave in zip(rows, waves, strict=True)
                    ],
                    set(map(str, kept["tried"])),
                )
        except FileNotFoundError:
            return cls()
        except (OSError, EOFError, ValueError, TypeError, LookupError, BadZipFile) as e:
            raise HunchError(
                f"{path} cannot be read as clips ({e}): remove it, and they are spoken anew."
            ) from e

    def check(self, halves: Iterable[Half], path: Path) -> None:
        """See that there is speech of each kind and language.

        Raises:
            HunchError: There is not.
        """
        have = {(clip.half, clip.kind, clip.language) for clip in self.clips}
        for half in halves:
            for kind in texts.KINDS:
                for language in texts.LANGUAGES:
                    if (half, kind, language) not in have:
                        raise HunchError(
                            f"{path} has {len(self.clips)} clips, and of them no {kind} in "
                            f"{language} for {half}: start again with more --speak seconds, or "
                            "more --texts if all are spoken; it goes on with what is lacking."
                        )
