"""The recogniser's decoder beside one without a cache. Run by the Python that has torch."""

import json

import torch
from torch.nn import functional

from bench.load.whisper_shape import Shape, Whisper, _attention, _even, _parted

_STEPS = 5


def main() -> None:
    """Write a few tokens for a batch of two, in both ways, and print them."""
    torch.manual_seed(0)
    model = Whisper("cpu", Shape(1, 2, 64, 4, 128, 500, 8, 40, 16), torch.float32)
    # Weights so large that what is written depends on all that was heard and written before.
    for layer in model._layers:
        for weight in (layer.own, layer.own_out, layer.heard, layer.heard_out, layer.down):
            weight *= 20
    with torch.inference_mode():
        heard = torch.randn(2, 20, 64)
        seats = model._seats[2]
        seats.hear(heard)
        written = [seats.written[:, 0].tolist()]
        for _ in range(_STEPS):
            seats.step()
            written.append(seats.written[:, 0].tolist())
        whole = _whole(model, heard)
    print(json.dumps({"written": written, "whole": whole, "eager": model.eager}))


def _whole(model: Whisper, heard: torch.Tensor) -> list[list[int]]:
    """The same with all tokens so far put through all layers for each new one."""
    tokens = torch.zeros(2, 1, dtype=torch.long)
    for _ in range(_STEPS):
        count = tokens.shape[1]
        x = functional.embedding(tokens, model._embedding) + model._positions[:count]
        earlier = torch.ones(count, count, dtype=torch.bool).tril()
        for layer in model._layers:
            own = functional.linear(_even(x, layer.norms[0]), layer.own).chunk(3, -1)
            query, keys, values = (_parted(part, layer.heads) for part in own)
            x = x + functional.linear(_attention(query, keys, values, earlier), layer.own_out)
            query = functional.linear(_even(x, layer.norms[1]), layer.asked)
            pair = functional.linear(heard, layer.heard).chunk(2, -1)
            keys, values = (_parted(part, layer.heads) for part in pair)
            seen = _attention(_parted(query, layer.heads), keys, values)
            x = x + functional.linear(seen, layer.heard_out)
            thought = functional.gelu(functional.linear(_even(x, layer.norms[2]), layer.up))
            x = x + functional.linear(thought, layer.down)
        new = functional.linear(x[:, -1:], model._embedding).argmax(-1)
        tokens = torch.cat([tokens, new], 1)
    return [list(column) for column in tokens.T.tolist()]


if __name__ == "__main__":
    main()
