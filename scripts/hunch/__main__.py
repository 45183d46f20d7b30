"""Train the network that hears what a sound over the agent is: ``make hunch``.

Texts, clips, mixes, training and the ONNX file, on a GPU if torch finds one. Clips that were made
are kept and used again. Torch is no dependency of the project; ``make hunch`` brings it along.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from . import export, net, speak, train

_CACHE = Path.home() / ".cache" / "parley"
_FOUND = "cuda" if torch.cuda.is_available() else "cpu"


def main() -> None:
    """Make what is lacking, train, and write the file."""
    args = _arguments()
    args.folder.mkdir(parents=True, exist_ok=True)
    kept = args.folder / "clips.npz"
    if not kept.is_file():
        lines = speak.plan(args.kokoro, args.texts)
        print(f"{len(lines)} texts, spoken for {args.speak:.0f} s at most", flush=True)
        speak.save(speak.speak(lines, args.kokoro, args.processes, args.speak), kept)
    clips = speak.load(kept)
    print(f"{len(clips)} clips, training on the {_FOUND} for {args.train:.0f} s", flush=True)
    network = net.Net()
    net.teach(network, args.whisper)
    learn, check = (train.bank(clips, half, _FOUND) for half in ("train", args.check))
    taught = train.train(learn, check, network, args.train, args.batch, print)
    export.export(taught, args.folder / "hunch.onnx")
    print(f"{args.folder / 'hunch.onnx'}: try it, then put it into the plugin's barge_in folder")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.hunch", description=__doc__)
    add = parser.add_argument
    add("folder", type=Path, help="for clips.npz and hunch.onnx")
    add("--texts", type=int, default=9500, help="of each kind and language (9500)")
    add("--speak", type=float, default=3600.0, help="seconds for the clips, at most (3600)")
    add("--train", type=float, default=300.0, help="seconds of training (300)")
    add("--batch", type=int, default=384, help="mixes of one step (384)")
    add("--processes", type=int, default=os.cpu_count() or 1, help="that speak (one a core)")
    add("--check", choices=["val", "test"], default="val", help="half that is told about (val)")
    add("--kokoro", type=Path, default=_CACHE / "kokoro", help="folder of Kokoro")
    add("--whisper", type=Path, default=_CACHE / "stt" / "model.bin", help="Whisper base")
    return parser.parse_args()


if __name__ == "__main__":
    main()
