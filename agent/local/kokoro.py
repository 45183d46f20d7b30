"""Kokoro 82M on a CPU, without the silence that it makes around every utterance.

The published ONNX file goes from phonemes to audio in one run. 95 % of that run is the vocoder,
and its first 0.35 s and last 0.3 to 0.7 s of output are silence, whatever the text. Split in two,
the cheap half (phonemes to features, pitch and energy, 40 frames a second) tells where speech
begins and ends, so the vocoder runs over speech only: half the work for "好的。". The vocoder
normalises over time, so it cannot be run window by window: words at the seams come out wrong.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.utils
import onnxruntime as ort

from .audio import Samples

SPEECH = -6.0
"""Energy, in the model's own unit, above which a frame is speech: in every utterance looked at,
silence was at -9 and speech at 3 to 11."""

EDGE = 6
"""Frames of 25 ms kept before and after speech. The vocoder normalises over time and wants some
silence: with 2 a quarter more characters were misheard, with 6 as many as with all of it."""

LONGEST = 500
"""Phonemes in one utterance; the voices' style tables have 510 rows."""

FEATURES = (
    "/encoder/MatMul_1_output_0",
    "/encoder/Reshape_output_0",
    "/encoder/Reshape_1_output_0",
)
"""Text features [1, 512, frames], pitch [1, 2 x frames], energy [1, 2 x frames]."""


class Kokoro:
    """The model in memory; its methods may be called from several threads.

    Args:
        folder: The folder that holds model.onnx, vocab.json and voices/*.bin.
        threads: CPU threads of one run.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self._folder = folder
        extractor = onnx.utils.Extractor(onnx.load(str(folder / "model.onnx")))
        features = list(FEATURES)
        self._encoder = session(
            extractor.extract_model(["tokens", "style", "speed"], features), threads
        )
        self._decoder = session(extractor.extract_model([*features, "style"], ["audio"]), threads)
        vocab = json.loads((folder / "vocab.json").read_bytes())
        self._vocab: dict[str, int] = vocab.get("vocab", vocab)
        self.voices = tuple(sorted(path.stem for path in (folder / "voices").glob("*.bin")))

    def speak(self, phonemes: str, voice: str, speed: float = 1.0) -> Samples:
        """Speak phonemes, without silence around them.

        Args:
            phonemes: The phonemes in Kokoro's alphabet; those it does not know are left out.
            voice: One of ``voices``.
            speed: Speed relative to the voice's own.
        """
        ids = [self._vocab[p] for p in phonemes if p in self._vocab][:LONGEST]
        style = self._style(voice)[len(ids)]
        feed = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": style,
            "speed": np.array([speed], np.float32),
        }
        text, pitch, energy = self._encoder.run(None, feed)
        speech = np.flatnonzero(energy.reshape(-1, 2).max(1) > SPEECH)
        if not len(speech):
            return np.zeros(0, np.float32)
        start, end = max(0, int(speech[0]) - EDGE), int(speech[-1]) + 1 + EDGE
        features = (
            text[:, :, start:end],
            pitch[:, 2 * start : 2 * end],
            energy[:, 2 * start : 2 * end],
        )
        feed = dict(zip(FEATURES, features, strict=True)) | {"style": style}
        audio: Samples = self._decoder.run(None, feed)[0].reshape(-1)
        return audio

    @lru_cache(maxsize=16)  # noqa: B019 - one Kokoro lives as long as the process
    def _style(self, voice: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The voice's styles [510, 1, 256], one for each number of phonemes."""
        path = self._folder / "voices" / f"{voice}.bin"
        return np.fromfile(path, np.float32).reshape(-1, 1, 256)


def session(model: onnx.ModelProto, threads: int) -> ort.InferenceSession:
    """A part of the model in memory, on so many cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning would take the cores from the other two engines.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
