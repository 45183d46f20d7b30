"""Teaches the network, and tells how well it does on voices that it does not learn from."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

import livekit.agents.resources
import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from . import course, sounds, texts
from .clips import HALVES, Clip, Half
from .mix import RATE, SIZE, SOURCE, Bank, Tensor, batch
from .net import Mel, Net

MOMENTS = tuple(m / 10 for m in range(2, 11))
"""Seconds after a sound's beginning at which it is judged."""
_OFTEN = np.array([0.6, 1.1, 1.3, 1.3, 1.2, 1.0, 0.9, 0.8, 0.8])
_OTHERS = {"train": 4000, "val": 500, "test": 500}
"""Laughs and noises that are made for a half, of each."""
_CUTS = 3
"""Moments of each mix that are learnt from."""


def bank(clips: list[Clip], half: Half, device: str) -> Bank:
    """All sounds of a half, which has speech of each kind and language."""
    seed = HALVES.index(half)
    out = Bank(device, seed)
    own = [clip for clip in clips if clip.half == half]
    for kind in texts.KINDS:
        for language in texts.LANGUAGES:
            waves = [c.wave for c in own if (c.kind, c.language) == (kind, language)]
            out.add(f"{kind}.{language}", waves)
    out.add("any", [clip.wave for clip in own if clip.kind == "floor"])
    rng = np.random.default_rng(seed)
    for made in ("vocal", "noise"):
        out.add(made, [sounds.clip(rng, made) for _ in range(_OTHERS[half])])
    out.add("room", _rooms())
    return out


def train(
    learn: Bank, check: Bank, net: Net, seconds: float, size: int, say: Callable[[str], None]
) -> Net:
    """Teach a network for so long, and return the mean of its last weights.

    Raises:
        HunchError: There were too few steps for it to have learnt anything.
    """
    device = learn.device
    mel, net = Mel().to(device), net.to(device)
    held = [
        batch(check, 200 if device == "cpu" else 3000, t, vary=False) for t in (0.06, 0.1, 0.14)
    ]
    say(f"{size} mixes a step")
    rates = [1.5e-3, 1.2e-4]
    groups = [{"params": net.head}, {"params": net.encoder}]
    optimizer, mean = torch.optim.AdamW(groups, weight_decay=0.03), copy.deepcopy(net)
    rng, began, told, step = np.random.default_rng(0), time.monotonic(), 0.0, 0
    while (spent := time.monotonic() - began) < seconds:
        for group, greatest in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = greatest * course.rate(step, spent / seconds)
        net.train()
        loss = _step(net, mel, learn, size, rng)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        keep = min(0.999, step / (step + 50))
        with torch.no_grad():
            for slow, fast in zip(mean.parameters(), net.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        if spent - told > seconds / 9:
            told = spent
            # To look at how it does takes a processor as long as to teach it.
            does = table(mean, mel, held, (0.3, 0.5)) if device == "cuda" else ""
            say(f"{spent:.0f} s, {step} steps, loss {loss:.3f} {does}")
    spent = time.monotonic() - began
    course.check(step, spent)
    say(f"{step} steps in {spent:.0f} s; {table(mean, mel, held, MOMENTS)}")
    return mean


def table(
    net: Net, mel: Mel, held: list[tuple[Tensor, Tensor, Tensor]], at: tuple[float, ...]
) -> str:
    """Interruptions found at the threshold that 5 % of the backchannels exceed."""
    out = []
    for moment, (likely, kinds, chinese) in zip(at, _judged(net, mel, held, at), strict=True):
        for language, of in (("en", chinese == 0), ("zh", chinese == 1)):
            floor = likely[of & (kinds == 0), 0]
            limit = np.quantile(likely[of & (kinds == 1), 0], 0.95)
            out.append(f"{moment:.1f} s {language} {np.mean(floor > limit):.0%} above {limit:.2f}")
    return ", ".join(out)


def _step(net: Net, mel: Mel, learn: Bank, size: int, rng: np.random.Generator) -> float:
    lead = rng.uniform(0.0, 0.2)
    heard, kinds, _ = batch(learn, size, lead, vary=True)
    total = 0.0
    for moment in rng.choice(MOMENTS, _CUTS, replace=False, p=_OFTEN / _OFTEN.sum()):
        end = round((lead + moment + rng.uniform(-0.04, 0.04)) * RATE)
        with torch.no_grad():
            features = _without_bands(learn, mel(heard[:, : min(end, SIZE)]))
        with torch.autocast("cuda", torch.bfloat16, enabled=learn.device == "cuda"):
            loss = F.cross_entropy(net(features).float(), kinds, label_smoothing=0.03) / _CUTS
        loss.backward()
        total += float(loss.detach())
    return total


def _without_bands(learn: Bank, features: Tensor) -> Tensor:
    """Features of which up to 13 neighbouring bands are silent."""
    count = len(features)
    first, many = learn.integers(0, 70, count, 1), learn.integers(0, 14, count, 1)
    band = torch.arange(80, device=learn.device)[None]
    gone = ((band >= first) & (band < first + many))[:, :, None]
    return torch.where(gone, features.amin((1, 2), keepdim=True), features)


@torch.no_grad()
def _judged(
    net: Net, mel: Mel, held: list[tuple[Tensor, Tensor, Tensor]], at: tuple[float, ...]
) -> list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]]:
    net.eval()
    out = []
    for moment in at:
        likely = [
            torch.softmax(net(mel(part)).float(), -1)
            for lead, (heard, _, _) in zip((0.06, 0.1, 0.14), held, strict=True)
            for part in heard[:, : round((lead + moment) * RATE)].split(1000)
        ]
        kinds, chinese = (torch.cat([mixes[k] for mixes in held]) for k in (1, 2))
        out.append((torch.cat(likely).cpu().numpy(), kinds.cpu().numpy(), chinese.cpu().numpy()))
    return out


def _rooms() -> list[NDArray[np.int16]]:
    """The noise of rooms that LiveKit's package ships, in pieces."""
    pieces = []
    for path in sorted(Path(livekit.agents.resources.__path__[0]).glob("*-ambience.ogg")):
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = sound.mean(1)
        size = len(mono) * RATE // rate
        mono = np.interp(np.arange(size) * rate / RATE, np.arange(len(mono)), mono)
        whole = (mono / np.abs(mono).max() * 28_000).astype(np.int16)
        pieces += [whole[i : i + SOURCE] for i in range(0, size - SOURCE, SOURCE // 2)]
    return pieces
