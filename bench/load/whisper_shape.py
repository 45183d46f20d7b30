"""A model of Whisper's shape with random weights, which works as a served one does.

The encoder is transformers' own, kernel by kernel, as vLLM runs it. The decoder has a key-value
cache of fixed size for each size of batch, and its step is one CUDA graph: some hundred kernels a
token, launched one by one, wait behind those of every other engine on the GPU for each of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from .recogniser import SIZES, filled

_TRIES = 3
"""Steps before a capture: kernels are chosen and loaded in them."""
_WARM = 32
"""Tokens with which a size is warmed: more than a caller's words take."""
_SPREAD = 0.02


@dataclass(frozen=True)
class Shape:
    """Of a model; large-v3-turbo's unless told otherwise."""

    encoder_layers: int = 32
    decoder_layers: int = 4
    width: int = 1280
    heads: int = 20
    inner: int = 5120
    vocabulary: int = 51866
    mels: int = 128
    frames: int = 3000
    """Of 10 ms: Whisper always hears 30 s."""
    tokens: int = 64
    """The most that are written: what fits into the cache."""


class Whisper:
    """The model.

    Args:
        device: Where it works, as torch names it.
        shape: Its shape.
        dtype: Of its weights.
    """

    def __init__(
        self, device: str, shape: Shape | None = None, dtype: torch.dtype = torch.bfloat16
    ) -> None:
        self._shape = shape = shape or Shape()
        self._device, self._dtype = device, dtype
        config = WhisperConfig(
            vocab_size=shape.vocabulary,
            num_mel_bins=shape.mels,
            max_source_positions=shape.frames // 2,
            encoder_layers=shape.encoder_layers,
            encoder_attention_heads=shape.heads,
            d_model=shape.width,
            encoder_ffn_dim=shape.inner,
        )
        with torch.device(device):
            self._encoder = WhisperEncoder(config).to(dtype).eval()
        self._layers = [_Layer(self._weight, shape) for _ in range(shape.decoder_layers)]
        self._embedding = self._weight(shape.vocabulary, shape.width)
        self._positions = self._weight(shape.tokens, shape.width)
        self._seats: dict[int, _Seats] = {}
        self.eager: str | None = None
        """Why the decoder's step is no graph; None if it is one."""
        with torch.inference_mode():
            for size in SIZES:
                self._seats[size] = self._ready(size)
        for size in SIZES:
            self.work([_WARM] * size)

    def work(self, counts: Sequence[int]) -> float:
        """Hear as many recordings, and write so many tokens for each.

        Returns:
            Seconds of it until the recordings were heard.
        """
        seats = self._seats[filled(len(counts))]
        began = time.perf_counter()
        with torch.inference_mode():
            sound = self._random(seats.size, self._shape.mels, self._shape.frames)
            seats.hear(self._encoder(sound).last_hidden_state)
            self._wait()
            heard = time.perf_counter() - began
            for _ in range(min(max(counts), self._shape.tokens)):
                seats.step()
            seats.written.cpu()  # the GPU has done all of it when this is here
        return heard

    def _ready(self, size: int) -> _Seats:
        cache = self._shape.tokens, self._shape.width // self._shape.heads
        zeros = [
            torch.zeros(size, self._shape.heads, *cache, device=self._device, dtype=self._dtype)
            for _ in range(2 * len(self._layers))
        ]
        seats = _Seats(size, self._layers, zeros, self._embedding, self._positions)
        seats.hear(self._random(size, self._shape.frames // 2, self._shape.width))
        if self._device == "cpu":
            self.eager = "there are no graphs on a CPU"
            return seats
        try:
            seats.capture()
        except RuntimeError as e:  # a driver, or a way of sharing the GPU, that captures nothing
            self.eager = str(e).splitlines()[0]
            logging.getLogger(__name__).warning("no CUDA graph for %d: %s", size, self.eager)
        return seats

    def _weight(self, *shape: int) -> torch.Tensor:
        return self._random(*shape) * _SPREAD

    def _random(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=self._device, dtype=self._dtype)

    def _wait(self) -> None:
        if self._device != "cpu":
            torch.cuda.synchronize()


class _Layer:
    """The weights of one layer of the decoder."""

    def __init__(self, weight: Callable[..., torch.Tensor], shape: Shape) -> None:
        width = shape.width
        self.heads = shape.heads
        self.own, self.own_out = weight(3 * width, width), weight(width, width)
        self.asked, self.heard = weight(width, width), weight(2 * width, width)
        self.heard_out = weight(width, width)
        self.up, self.down = weight(shape.inner, width), weight(width, shape.inner)
        self.norms = [weight(width) + 1 for _ in range(3)]


class _Seats:
    """The cache of a batch of one size, and its step."""

    def __init__(
        self,
        size: int,
        layers: Sequence[_Layer],
        caches: Sequence[torch.Tensor],
        embedding: torch.Tensor,
        positions: torch.Tensor,
    ) -> None:
        self.size = size
        self._layers, self._embedding, self._positions = layers, embedding, positions
        self._keys, self._values = caches[::2], caches[1::2]
        self._heard: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.written = torch.zeros(size, 1, device=embedding.device, dtype=torch.long)
        """The newest token of each."""
        self._position = torch.zeros(1, device=embedding.device, dtype=torch.long)
        self._places = torch.arange(len(positions), device=embedding.device)
        self._graph: Any = None

    def hear(self, heard: torch.Tensor) -> None:
        """Begin with what the encoder made of recordings."""
        for number, layer in enumerate(self._layers):
            keys, values = functional.linear(heard, layer.heard).chunk(2, -1)
            pair = _parted(keys, layer.heads), _parted(values, layer.heads)
            if len(self._heard) <= number:
                self._heard.append((pair[0].contiguous(), pair[1].contiguous()))
                continue
            for kept, new in zip(self._heard[number], pair, strict=True):
                kept.copy_(new)
        self._position.zero_()
        self.written.zero_()

    def capture(self) -> None:
        """Make the step one graph.

        Raises:
            RuntimeError: This GPU, or the way it is shared, cannot.
        """
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(_TRIES):
                self._step()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        self._graph = graph

    def step(self) -> None:
        """Write one more token for each."""
        if self._graph is None:
            self._step()
        else:
            self._graph.replay()

    def _step(self) -> None:
        x = functional.embedding(self.written, self._embedding)
        x = x + self._positions.index_select(0, self._position)
        known = (self._places <= self._position)[None, None, None]
        for layer, keys, values, heard in zip(
            self._layers, self._keys, self._values, self._heard, strict=True
        ):
            query, key, value = functional.linear(_even(x, layer.norms[0]), layer.own).chunk(3, -1)
            keys.index_copy_(2, self._position, _parted(key, layer.heads))
            values.index_copy_(2, self._position, _parted(value, layer.heads))
            seen = _attention(_parted(query, layer.heads), keys, values, known)
            x = x + functional.linear(seen, layer.own_out)
            query = functional.linear(_even(x, layer.norms[1]), layer.asked)
            seen = _attention(_parted(query, layer.heads), *heard)
            x = x + functional.linear(seen, layer.heard_out)
            thought = functional.gelu(functional.linear(_even(x, layer.norms[2]), layer.up))
            x = x + functional.linear(thought, layer.down)
        self.written.copy_(functional.linear(x, self._embedding).argmax(-1))
        self._position.add_(1)


def _parted(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Batch, length, width as batch, heads, length, a head's width."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _attention(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    seen = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    return seen.transpose(1, 2).flatten(2)


def _even(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(x, (x.shape[-1],), weight)
