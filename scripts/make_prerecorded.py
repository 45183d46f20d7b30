"""Makes the prerecorded prompts of the package, with the CPU profile's own voices.

Run it after a change of ``agent/languages``: ``uv run scripts/make_prerecorded.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from agent.languages import FOLDER, words
from agent.local.voices import DEFAULTS, Voices
from agent.models import locate
from harness.recording import SAMPLE_RATE


def main() -> int:
    """Speak every prompt and write it beside the others; return the exit status."""
    voices = Voices(locate("kokoro"))
    for language in DEFAULTS:
        for phrase, text in words(language).prompts.items():
            pieces = list(voices.stream(text, language=language, seed=1))
            path = FOLDER / language / "prerecorded" / f"{phrase}.ogg"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(
                path, np.concatenate(pieces), SAMPLE_RATE, format="OGG", subtype="VORBIS"
            )
            print(f"{path}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
