"""The texts, spoken by Kokoro: 24,000 samples a second in, clips of at most 1.45 s at 16,000 out.

Its encoder runs on a core of each process, its decoder in batches of clips of one length, on a GPU
if there is one: some 200 clips a second on an H200 beside 16 cores, one a second on a core.
"""

from __future__ import annotations

import json
import logging
import math
import multiprocessing as mp
import random
import signal
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.utils
import torch
from numpy.typing import NDArray

from agent.local.kokoro import EDGE, FEATURES, SPEECH, session

from . import texts
from .clips import Clip, Half, Spoken, Wave
from .onnx_torch import Graph

_FRAMES = 60
"""Of 25 ms, that are spoken of a text."""
_BATCH = 16
"""Clips that a GPU makes at once; a core gains nothing by it."""
_PART = 20
"""Lines that a core is given at once; before a GPU a process has its share at once, so that there
are many of one length."""
_VAL = 24
"""One text in so many is for val."""
_SOUND = "/decoder/decoder/generator/istft/stft/ConvTranspose_output_0"
"""What the decoder puts out, before it evens out the first and last 10 ms."""
VOICES: dict[Half, dict[str, str]] = {
    "train": {
        "en": "am_adam af_alloy bm_daniel bf_alice af_aoede am_liam af_jessica am_onyx af_nicole"
        " af_heart",
        "zh": "zm_yunjian zf_xiaoni zm_yunxi zf_xiaoxiao",
        "": "ef_dora em_santa ff_siwis hf_alpha hm_omega hm_psi if_sara im_nicola jf_alpha"
        " jf_gongitsune jf_nezumi jf_tebukuro pm_alex pm_santa",
    },
    "val": {
        "en": "am_echo bf_isabella af_kore am_santa",
        "zh": "zf_xiaobei",
        "": "hf_beta em_alex pf_dora jm_kumo",
    },
    "test": {
        "en": "am_michael af_bella bm_george bf_emma am_puck af_sarah bm_fable bf_lily am_fenrir"
        " af_nova am_eric af_river bm_lewis af_sky",
        "zh": "zm_yunyang zf_xiaoyi zm_yunxia",
        "": "",
    },
}
"""By half and language; those of other languages are blended with them. The test half's are those
of `make bench-duplex`'s. What the folder of voices lacks is left out."""


@dataclass(frozen=True)
class Line:
    """One text to be spoken."""

    kind: texts.Kind
    language: texts.Language
    half: Half
    text: str
    again: int
    """How many times the text was among the lines before."""
    ids: list[int]
    """Its phonemes."""

    @property
    def name(self) -> str:
        """What no other line is called."""
        return f"{self.kind} {self.language} {self.half} {self.again} {self.text}"


def plan(kokoro: Path, count: int, seed: int = 31) -> list[Line]:
    """Texts as phonemes: `count` of each kind and language to learn from, and the test half's.

    Those of a greater count are the same and more.
    """
    vocab = json.loads((kokoro / "vocab.json").read_bytes())
    vocab = vocab.get("vocab", vocab)
    lines = []
    for language in texts.LANGUAGES:
        phonemes = _phonemes(language)
        known: dict[str, list[int]] = {}
        came = Counter[tuple[str, str, str]]()
        for kind in texts.KINDS:
            for half, text in _drawn(
                random.Random(f"{seed}{kind}{language}"), kind, language, count
            ):
                if text not in known:
                    known[text] = [vocab[p] for p in phonemes(text) if p in vocab][:200]
                if known[text]:
                    again = came[kind, half, text]
                    lines.append(Line(kind, language, half, text, again, known[text]))
                    came[kind, half, text] += 1
    random.Random(seed).shuffle(lines)
    return lines


def speak(lines: list[Line], kokoro: Path, processes: int, seconds: float, spoken: Spoken) -> None:
    """Speak as many as there is time for, with so many processes, and add them.

    Raises:
        KeyboardInterrupt: Somebody does not want to wait. What is ready is added all the same, and
            whoever interrupts again has no effect: what was added is to be kept.
    """
    if not lines or seconds <= 0:
        return
    end, context = time.time() + seconds, mp.get_context("spawn")
    size = math.ceil(len(lines) / processes) if torch.cuda.is_available() else _PART
    enough, interrupted = context.Event(), threading.Event()

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interrupted.set()
        enough.set()

    before = signal.signal(signal.SIGINT, interrupt)
    with ProcessPoolExecutor(processes, context, _begin, (kokoro, enough)) as pool:
        parts = [pool.submit(_part, lines[i : i + size], end) for i in range(0, len(lines), size)]
        wait(parts, return_when=FIRST_EXCEPTION)
        enough.set()
    for part in parts:
        if part.exception() is None:
            spoken.add(part.result())
    if interrupted.is_set():
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, before)
    for part in parts:
        part.result()


def _phonemes(language: texts.Language) -> Any:
    if language == "zh":
        from misaki.zh import ZHG2P

        logging.getLogger("jieba").setLevel(logging.WARNING)
        chinese = ZHG2P()
        return lambda text: chinese(text)[0]
    from hibari import Hibari

    english = Hibari(voice="heart")
    return lambda text: " ".join(english.phonemize(text))


def _drawn(
    rng: random.Random, kind: texts.Kind, language: texts.Language, count: int
) -> Iterator[tuple[str, str]]:
    for text in texts.test(kind, language) * 4:
        yield "test", text
    often, made = 10 if kind == "backchannel" else 4, 0
    seen: dict[str, int] = {}
    for _ in range(50 * count):  # there may be fewer that differ
        if made == count:
            return
        text = texts.draw(rng, kind, language)
        plain = texts.plain(text)
        if plain in texts.banned() or seen.get(plain, 0) == often:
            continue
        seen[plain] = seen.get(plain, 0) + 1
        made += 1
        yield ("val" if zlib.crc32(plain.encode()) % _VAL == 0 else "train"), text


_speaking: tuple[_Speaker, Event] | None = None
"""What a process speaks with, and what is set when it has spoken enough."""


def _begin(kokoro: Path, enough: Event) -> None:
    global _speaking
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began it says when it ends
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    _speaking = _Speaker(kokoro, "cuda" if torch.cuda.is_available() else "cpu"), enough


def _part(lines: list[Line], end: float) -> Spoken:
    assert _speaking
    speaker, enough = _speaking
    waiting: dict[int, list[tuple[Line, list[NDArray[np.float32]], bool]]] = {}
    spoken = Spoken()
    for line in lines:
        if time.time() > end or enough.is_set():
            break
        spoken.tried.add(line.name)
        said = speaker.encode(line, random.Random(line.name))
        if said is None:
            continue
        same = waiting.setdefault(said[0][0].shape[2], [])
        same.append((line, *said))
        if len(same) == speaker.at_once:
            spoken.clips += speaker.decode(same)
            same.clear()
    for same in waiting.values():
        if same:
            spoken.clips += speaker.decode(same)
    return spoken


class _Speaker:
    def __init__(self, kokoro: Path, device: str) -> None:
        self.at_once = _BATCH if device == "cuda" else 1
        parts = onnx.utils.Extractor(onnx.load(str(kokoro / "model.onnx")))
        features = list(FEATURES)
        self._encoder = session(parts.extract_model(["tokens", "style", "speed"], features), 1)
        decoder = parts.extract_model([*features, "style"], ["audio"])
        self._decoder = Graph(decoder, _SOUND, device)
        self._styles = {
            path.stem: np.fromfile(path, np.float32).reshape(-1, 256)
            for path in (kokoro / "voices").glob("*.bin")
        }

    def encode(
        self, line: Line, rng: random.Random
    ) -> tuple[list[NDArray[np.float32]], bool] | None:
        """Features of the first 1.5 s, and whether that is all; None if it is silent."""
        style = self._blend(line, rng)
        text, pitch, energy = self._encoder.run(
            None,
            {
                "tokens": np.array([[0, *line.ids, 0]], np.int64),
                "style": style,
                "speed": np.array([rng.uniform(0.75, 1.4)], np.float32),
            },
        )
        loud = np.flatnonzero(energy.reshape(-1, 2).max(1) > SPEECH)
        if not len(loud):
            return None
        if line.half != "test" and rng.random() < 0.6:
            pitch = _melody(pitch, rng)
        first, last = int(loud[0]), int(loud[-1]) + 1
        start, end = max(0, first - EDGE), min(last, first + _FRAMES) + EDGE
        parts = [
            text[:, :, start:end],
            pitch[:, 2 * start : 2 * end],
            energy[:, 2 * start : 2 * end],
        ]
        if parts[1].shape[1] != 2 * parts[0].shape[2]:
            return None
        return [*map(np.ascontiguousarray, parts), style], last <= first + _FRAMES

    def decode(self, same: list[tuple[Line, list[NDArray[np.float32]], bool]]) -> Iterator[Clip]:
        """Clips of features of one length."""
        names = (*FEATURES, "style")
        feed = {
            name: np.concatenate([parts[k] for _, parts, _ in same]) for k, name in enumerate(names)
        }
        sounds = self._decoder.run(feed)[:, 0].float().cpu().numpy()
        for (line, _, whole), sound in zip(same, sounds, strict=True):
            wave = _trimmed(sound, whole)
            if wave is not None:
                yield Clip(line.kind, line.language, line.half, wave)

    def _blend(self, line: Line, rng: random.Random) -> NDArray[np.float32]:
        def have(languages: tuple[str, ...]) -> list[str]:
            named = " ".join(VOICES[line.half][language] for language in languages)
            return [name for name in named.split() if name in self._styles]

        own, every = have((line.language,)), have(("en", "zh", ""))
        rate = rng.random()
        if rate < (0.5 if line.half == "test" else 0.2):
            mixed = {rng.choice(own): 1.0}
        elif line.half == "train" and rate < 0.36:
            mixed = {rng.choice(every): 1.0}
        else:
            share = rng.uniform(0.3, 0.8)
            mixed = {rng.choice(own): share}
            other = rng.choice(every)
            mixed[other] = mixed.get(other, 0.0) + 1 - share
        row = len(line.ids)
        blend = sum(self._styles[name][row][None] * share for name, share in mixed.items())
        return np.asarray(blend, np.float32)


def _melody(pitch: NDArray[np.float32], rng: random.Random) -> NDArray[np.float32]:
    """Higher or lower, flatter or livelier."""
    voiced = pitch > 20
    if not voiced.any():
        return pitch
    middle = pitch[voiced].mean()
    moved = (middle + (pitch - middle) * rng.uniform(0.6, 1.5)) * rng.uniform(0.85, 1.2)
    return np.where(voiced, moved, pitch).astype(np.float32)


def _trimmed(sound: NDArray[np.float32], whole: bool) -> Wave | None:
    loudest = float(np.abs(sound).max())
    if not 1e-4 < loudest < np.inf:
        return None
    loud = np.flatnonzero(np.abs(sound) > 0.02 * loudest)
    end = loud[-1] + 1 if whole else loud[0] + (_FRAMES - 2) * 600
    sound = sound[loud[0] : end]
    size = len(sound) // 3 * 3
    if size < 2400:
        return None
    spectrum = np.fft.rfft(sound[:size])[: size // 3 + 1]  # from 24 to 16 kHz
    out = np.fft.irfft(spectrum, size * 2 // 3)
    return (out / np.abs(out).max() * 28_000).astype(np.int16)
