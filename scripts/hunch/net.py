"""The network: Whisper's features, the first two layers of its base encoder, and a head."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from livekit.plugins.turn_taking.end_of_turn.smart_turn import mel_filters
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from .mix import KINDS, Tensor

LAYERS = 2
_WIDTH, _HEADS, _BANDS, _PLACES, _HEAD = 512, 8, 80, 64, 128


class Mel(nn.Module):
    """What `smart_turn.log_mel` makes, of many sounds at once."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", torch.from_numpy(mel_filters().astype(np.float32)))
        self.register_buffer("window", torch.from_numpy(np.hanning(401)[:-1].astype(np.float32)))

    def forward(self, sound: Tensor) -> Tensor:
        """Features [batch, 80, frames] of sounds [batch, samples]."""
        sound = sound - sound.mean(1, keepdim=True)
        sound = sound / torch.sqrt(sound.var(1, keepdim=True, unbiased=False) + 1e-7)
        padded = F.pad(sound[:, None], (200, 200), mode="reflect")[:, 0]
        frames = padded.unfold(1, 400, 160)[:, : sound.shape[1] // 160]
        power = torch.fft.rfft(frames * self.window).abs() ** 2
        bands = torch.log10((self.filters @ power.transpose(1, 2)).clamp(min=1e-10))
        return (torch.maximum(bands, bands.amax((1, 2), keepdim=True) - 8) + 4) / 4


class _Layer(nn.Module):
    def __init__(self, drop: float) -> None:
        super().__init__()
        self.before, self.qkv = nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out, self.between = nn.Linear(_WIDTH, _WIDTH), nn.LayerNorm(_WIDTH)
        self.wide, self.narrow = nn.Linear(_WIDTH, 4 * _WIDTH), nn.Linear(4 * _WIDTH, _WIDTH)
        self.drop = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        count, size, _ = x.shape
        parts = self.qkv(self.before(x)).chunk(3, dim=-1)
        q, k, v = (p.reshape(count, size, _HEADS, 64).transpose(1, 2) for p in parts)
        weights = torch.softmax(q @ k.transpose(2, 3) / 8.0, dim=-1)
        x = x + self.drop(self.out((weights @ v).transpose(1, 2).reshape(count, size, _WIDTH)))
        return x + self.drop(self.narrow(F.gelu(self.wide(self.between(x)))))


class Net(nn.Module):
    """Features [batch, 80, frames] to a logit for each kind."""

    def __init__(self, drop: float = 0.15) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(_BANDS, _WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(_WIDTH, _WIDTH, 3, stride=2, padding=1)
        self.register_buffer("places", torch.zeros(_PLACES, _WIDTH))
        self.layers = nn.ModuleList(_Layer(drop) for _ in range(LAYERS))
        self.norm, self.proj = nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, _HEAD)
        self.a = nn.Conv1d(_HEAD, _HEAD, 3, padding=1)
        self.b = nn.Conv1d(_HEAD, _HEAD, 3, padding=1)
        self.att = nn.Conv1d(_HEAD, 4, 1)
        self.o1, self.o2 = nn.Linear(6 * _HEAD + 1, 96), nn.Linear(96, len(KINDS))
        self.drop = nn.Dropout(0.25)

    @property
    def encoder(self) -> list[Any]:
        """The parameters that Whisper has taught."""
        return [p for part in (self.conv1, self.conv2, self.layers) for p in part.parameters()]

    @property
    def head(self) -> list[Any]:
        """The others."""
        known = {id(p) for p in self.encoder}
        return [p for p in self.parameters() if id(p) not in known]

    def forward(self, mel: Tensor) -> Tensor:
        """Guess."""
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.places[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        size = x.shape[1]
        x = self.drop(F.gelu(self.proj(self.norm(x)))).transpose(1, 2)
        x = self.drop(x + F.gelu(self.a(x)))
        x = x + F.gelu(self.b(x))
        pooled = torch.einsum("bkn,bhn->bkh", torch.softmax(self.att(x), 2), x).flatten(1)
        length = torch.ones_like(x[:, :1, 0]) * (size / 50)
        whole = torch.cat([pooled, x.amax(2), x[:, :, -8:].mean(2), length], 1)
        return self.o2(self.drop(F.gelu(self.o1(whole))))


def teach(net: Net, whisper: Path) -> None:
    """Give a network the encoder of Whisper base, from CTranslate2's file."""
    weights = _read(whisper)
    net.places.copy_(weights["position_encodings/encodings"][:_PLACES])
    parts: dict[str, Any] = {"conv1": net.conv1, "conv2": net.conv2}
    for i, layer in enumerate(net.layers):
        parts |= {
            f"layer_{i}/self_attention/layer_norm": layer.before,
            f"layer_{i}/self_attention/linear_0": layer.qkv,
            f"layer_{i}/self_attention/linear_1": layer.out,
            f"layer_{i}/ffn/layer_norm": layer.between,
            f"layer_{i}/ffn/linear_0": layer.wide,
            f"layer_{i}/ffn/linear_1": layer.narrow,
        }
    with torch.no_grad():
        for name, part in parts.items():
            norm = isinstance(part, nn.LayerNorm)
            part.weight.copy_(weights[f"{name}/{'gamma' if norm else 'weight'}"])
            part.bias.copy_(weights[f"{name}/{'beta' if norm else 'bias'}"])


def _read(path: Path) -> dict[str, Tensor]:
    """The encoder's weights, which are of half precision."""
    out: dict[str, Tensor] = {}
    with path.open("rb") as file:

        def number(kind: str) -> tuple[Any, ...]:
            return struct.unpack("<" + kind, file.read(struct.calcsize("<" + kind)))

        def text() -> str:
            return file.read(number("H")[0])[:-1].decode()

        number("I"), text(), number("I")
        for _ in range(number("I")[0]):
            name, (rank,) = text(), number("B")
            shape, (kind,), (size,) = number(f"{rank}I"), number("B"), number("I")
            data = file.read(size)
            if name.startswith("encoder/") and kind == 4:
                array: NDArray[np.float16] = np.frombuffer(data, np.float16).reshape(shape)
                out[name.removeprefix("encoder/")] = torch.from_numpy(array.astype(np.float32))
    return out
