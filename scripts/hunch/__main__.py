"""Train the network that hears what a sound over the agent is: ``make hunch``.

Texts, clips, mixes, training and the ONNX file, on a GPU if torch finds one. Clips that were made
are kept, and the next run makes only those that are lacking. Torch is no dependency of the
project; ``make hunch`` brings it along.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

import torch

from . import course, export, net, speak, train
from .clips import HALVES, HunchError, Spoken

_CACHE = Path.home() / ".cache" / "parley"
_FOUND = "cuda" if torch.cuda.is_available() else "cpu"


def main() -> None:
    """Make what is lacking, train, and write the file."""
    args = _arguments()
    try:
        _make(args)
    except HunchError as e:
        sys.exit(str(e))
    except KeyboardInterrupt:
        sys.exit(f"Ended. What was spoken is in {args.folder}, and the next run goes on with it.")


def _make(args: argparse.Namespace) -> None:
    for path, option in ((args.kokoro / "model.onnx", "kokoro"), (args.whisper, "whisper")):
        if not path.is_file():
            raise HunchError(f"There is no file {path}: say by --{option} where it is.")
    args.folder.mkdir(parents=True, exist_ok=True)
    kept = args.folder / "clips.npz"
    spoken = Spoken.load(kept)
    lines = [n for n in speak.plan(args.kokoro, args.texts) if n.name not in spoken.tried]
    print(
        f"{len(spoken.clips)} clips are kept; {len(lines)} more texts are spoken for "
        f"{args.speak:.0f} s at most",
        flush=True,
    )
    before = len(spoken.tried)
    try:
        speak.speak(lines, args.kokoro, args.processes, args.speak, spoken)
    finally:
        if len(spoken.tried) > before:
            spoken.save(kept)
    spoken.check(("train", args.check), kept)
    print(f"{len(spoken.clips)} clips, training on the {_FOUND} for {args.train:.0f} s", flush=True)
    network = net.Net()
    net.teach(network, args.whisper)
    learn, check = (train.bank(spoken.clips, half, _FOUND) for half in ("train", args.check))
    size = args.batch or course.mixes(_FOUND)
    taught = train.train(learn, check, network, args.train, size, partial(print, flush=True))
    export.export(taught, args.folder / "hunch.onnx")
    print(f"{args.folder / 'hunch.onnx'}: try it, then put it into the plugin's barge_in folder")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.hunch", description=__doc__)
    add = parser.add_argument
    add("folder", type=Path, help="for clips.npz and hunch.onnx")
    add("--texts", type=int, default=9500, help="of each kind and language (9500)")
    add("--speak", type=float, default=3600.0, help="seconds for more clips, at most (3600)")
    add("--train", type=float, default=300.0, help="seconds of training (300)")
    add("--batch", type=int, help="mixes of one step (384 on a GPU, else 8)")
    add("--processes", type=int, default=os.cpu_count() or 1, help="that speak (one a core)")
    add("--check", choices=HALVES[1:], default="val", help="half that is told about (val)")
    add("--kokoro", type=Path, default=_CACHE / "kokoro", help="folder of Kokoro")
    add("--whisper", type=Path, default=_CACHE / "stt" / "model.bin", help="Whisper base")
    return parser.parse_args()


if __name__ == "__main__":
    main()
