"""Runs Kokoro's decoder, an ONNX graph, with torch: many clips at once, and on a GPU.

Only what that graph needs is here. The graph is quantised for CPUs; here an integer product is one
of floats, and what is quantised on the way stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

_TYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float32,
}
_Inputs: TypeAlias = Sequence[Any]
_Attributes: TypeAlias = dict[str, Any]


class Graph:
    """A graph with its weights on a device.

    Args:
        model: With shapes of a batch of one; any other may be given.
        output: What is asked for; what it does not need is left out.
        device: Of torch. What shapes are made of stays on the CPU.
    """

    def __init__(self, model: onnx.ModelProto, output: str, device: str) -> None:
        self._device, self._output = device, output
        self._nodes = _needed(model, output)
        self._weights: dict[str, Any] = {
            t.name: torch.from_numpy(numpy_helper.to_array(t).copy())
            for t in model.graph.initializer
        }
        for op, inputs, _, _ in self._nodes:
            if op in ("ConvInteger", "MatMulInteger"):
                self._weights[inputs[1]] = self._dequantised(op, inputs)
        shapes = {name for op, inputs, _, _ in self._nodes if op == "Resize" for name in inputs[1:]}
        for name, weight in self._weights.items():
            if weight.is_floating_point() and name not in shapes:
                self._weights[name] = weight.to(device)
        last = {name: i for i, (_, inputs, _, _) in enumerate(self._nodes) for name in inputs}
        self._done = [
            [name for name in inputs if last[name] == i and name not in self._weights]
            for i, (_, inputs, _, _) in enumerate(self._nodes)
        ]

    @torch.no_grad()
    def run(self, feed: dict[str, np.ndarray[Any, Any]]) -> Any:
        """Run it; the first dimension of what is given is the batch."""
        values = dict(self._weights)
        for name, array in feed.items():
            values[name] = torch.from_numpy(array).to(self._device)
        for (op, inputs, outputs, attributes), done in zip(self._nodes, self._done, strict=True):
            made = self._one(op, [values.get(name) for name in inputs], attributes)
            for name, value in zip(
                outputs, made if isinstance(made, tuple) else [made], strict=False
            ):
                values[name] = value
            for name in done:
                values.pop(name, None)
        return values[self._output]

    def _dequantised(self, op: str, inputs: list[str]) -> Any:
        weight = self._weights[inputs[1]]
        if weight.is_floating_point():
            return weight
        zero = self._weights[inputs[3]].float() if len(inputs) > 3 else torch.tensor(0.0)
        if zero.dim() == 1 and op == "ConvInteger":
            zero = zero.reshape(-1, *[1] * (weight.dim() - 1))
        return weight.float() - zero

    def _one(self, op: str, x: list[Any], a: _Attributes) -> Any:
        if op in _BINARY:
            return _BINARY[op](*self._together(*x))
        if op in _SIMPLE:
            return _SIMPLE[op](x, a)
        if op == "Where":
            condition, left = self._together(x[0], x[1])
            condition, right = self._together(condition, x[2])
            return torch.where(condition, *self._together(left, right))
        if op == "Concat":
            if any(t.device.type != "cpu" for t in x):
                x = [t.to(self._device) for t in x]
            return torch.cat(x, a["axis"])
        if op == "DynamicQuantizeLinear":
            zero = torch.zeros((), dtype=torch.uint8)
            return x[0], torch.ones((), device=self._device), zero
        raise ValueError(f"the graph has an operation that is not known here: {op}")

    def _together(self, left: Any, right: Any) -> tuple[Any, Any]:
        if left.device != right.device:
            left, right = left.to(self._device), right.to(self._device)
        return left, right


def _needed(
    model: onnx.ModelProto, output: str
) -> list[tuple[str, list[str], list[str], _Attributes]]:
    wanted, nodes = {output}, []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            nodes.append((node.op_type, list(node.input), list(node.output), attributes))
    return nodes[::-1]


def _divide(left: Any, right: Any) -> Any:
    if left.is_floating_point():
        return left / right
    return torch.div(left, right, rounding_mode="trunc")


def _conv(x: _Inputs, a: _Attributes) -> Any:
    sound, weight = x[0], x[1]
    bias = x[2] if len(x) == 3 else None  # of an integer product the others are its zeros
    left, right = a.get("pads", [0, 0])
    stride, dilation, groups = a.get("strides", [1]), a.get("dilations", [1]), a.get("group", 1)
    return F.conv1d(F.pad(sound, (left, right)), weight, bias, stride[0], 0, dilation[0], groups)


def _conv_transpose(x: _Inputs, a: _Attributes) -> Any:
    return F.conv_transpose1d(
        *(x[0], x[1], x[2] if len(x) > 2 else None),
        *(a.get("strides", [1])[0], a.get("pads", [0, 0])[0], a.get("output_padding", [0])[0]),
        *(a.get("group", 1), a.get("dilations", [1])[0]),
    )


def _reshape(x: _Inputs, a: _Attributes) -> Any:
    shape = [x[0].shape[i] if size == 0 else size for i, size in enumerate(x[1].tolist())]
    if -1 not in shape and shape[0] == 1:  # written for a batch of one
        shape[0] = x[0].numel() // int(np.prod(shape))
    return x[0].reshape(shape)


def _unsqueeze(x: _Inputs, a: _Attributes) -> Any:
    out, axes = x[0], x[1].tolist()
    for axis in sorted(k % (out.dim() + len(axes)) for k in axes):
        out = out.unsqueeze(axis)
    return out


def _squeeze(x: _Inputs, a: _Attributes) -> Any:
    out = x[0]
    for axis in sorted((k % x[0].dim() for k in x[1].tolist()), reverse=True):
        out = out.squeeze(axis)
    return out


def _gather(x: _Inputs, a: _Attributes) -> Any:
    data, axis = x[0], a.get("axis", 0)
    at = torch.where(x[1] < 0, x[1] + data.shape[axis], x[1]).long()
    if at.dim() == 0:
        return data.select(axis, int(at))
    picked = data.index_select(axis, at.reshape(-1).to(data.device))
    return picked.reshape(*data.shape[:axis], *at.shape, *data.shape[axis + 1 :])


def _slice(x: _Inputs, a: _Attributes) -> Any:
    out, starts, ends = x[0], x[1].tolist(), x[2].tolist()
    axes = x[3].tolist() if len(x) > 3 else range(len(starts))
    steps = x[4].tolist() if len(x) > 4 else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == -1:
            out = out.flip(axis)
            continue
        first, last, _ = slice(start, end).indices(out.shape[axis])
        out = out.narrow(axis, first, max(0, last - first))
        if step != 1:
            out = out[(*[slice(None)] * (axis % out.dim()), slice(None, None, step))]
    return out


def _resize(x: _Inputs, a: _Attributes) -> Any:
    if len(x) > 3 and x[3] is not None:
        size = x[3].tolist()[2:]
    else:
        size = [int(n * s) for n, s in zip(x[0].shape[2:], x[2].tolist()[2:], strict=True)]
    if a["mode"] == b"nearest":
        return F.interpolate(x[0], size, mode="nearest")
    return F.interpolate(x[0], size, mode="linear", align_corners=False)


def _pad(x: _Inputs, a: _Attributes) -> Any:
    pads, axes = x[1].tolist(), list(range(x[0].dim()))
    pairs = [(pads[k], pads[k + len(axes)]) for k in axes]
    while len(pairs) > 1 and pairs[0] == (0, 0):
        pairs.pop(0)
    mode = {b"constant": "constant", b"edge": "replicate", b"reflect": "reflect"}[
        a.get("mode", b"constant")
    ]
    flat = [size for pair in reversed(pairs) for size in pair]
    return F.pad(x[0], flat, mode=mode)


def _stft(x: _Inputs, a: _Attributes) -> Any:
    sound = x[0][..., 0] if x[0].dim() == 3 else x[0]
    size = int(x[3]) if len(x) > 3 and x[3] is not None else len(x[2])
    frames = sound.unfold(1, size, int(x[1])) * x[2]
    return torch.view_as_real(torch.fft.rfft(frames, dim=-1))


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": lambda p, q: p + q,
    "Sub": lambda p, q: p - q,
    "Mul": lambda p, q: p * q,
    "Div": _divide,
    "Pow": lambda p, q: p.pow(q),
    "MatMul": lambda p, q: p @ q,
    "Greater": lambda p, q: p > q,
    "Less": lambda p, q: p < q,
    "Equal": lambda p, q: p == q,
}
_SIMPLE: dict[str, Callable[[_Inputs, _Attributes], Any]] = {
    "Cast": lambda x, a: x[0].to(_TYPES[a["to"]]),
    "Floor": lambda x, a: x[0].floor(),
    "Sqrt": lambda x, a: x[0].sqrt(),
    "Sin": lambda x, a: x[0].sin(),
    "Cos": lambda x, a: x[0].cos(),
    "Exp": lambda x, a: x[0].exp(),
    "Atan": lambda x, a: torch.nan_to_num(x[0], nan=0.0).atan(),
    "Tanh": lambda x, a: x[0].tanh(),
    "LeakyRelu": lambda x, a: F.leaky_relu(x[0], a.get("alpha", 0.01)),
    "ReduceMean": lambda x, a: x[0].mean(
        x[1].tolist() if len(x) > 1 else list(a["axes"]), keepdim=bool(a.get("keepdims", 1))
    ),
    "ConvInteger": lambda x, a: _conv([x[0], x[1]], a),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MatMulInteger": lambda x, a: x[0] @ x[1],
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Split": lambda x, a: torch.split(x[0], x[1].tolist(), a.get("axis", 0)),
    "Gather": _gather,
    "Transpose": lambda x, a: x[0].permute(a["perm"]),
    "Slice": _slice,
    "Shape": lambda x, a: torch.tensor(x[0].shape)[a.get("start", 0) : a.get("end")],
    "Resize": _resize,
    "Pad": _pad,
    "CumSum": lambda x, a: torch.cumsum(x[0], int(x[1])),
    "Range": lambda x, a: torch.arange(x[0].item(), x[1].item(), x[2].item(), dtype=x[0].dtype),
    "Expand": lambda x, a: x[0] * torch.ones(x[1].tolist(), dtype=x[0].dtype, device=x[0].device),
    "STFT": _stft,
}
