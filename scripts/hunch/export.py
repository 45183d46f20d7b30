"""A network as the ONNX file that the plugin ships: 8 bits a weight in the encoder, else 16."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from .mix import Tensor
from .net import Net


class _Likely(nn.Module):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, mel: Tensor) -> Tensor:
        return torch.softmax(self.net(mel), -1)


def export(net: Net, path: Path) -> None:
    """Write a network that takes ``mel`` [batch, 80, frames] and gives ``likely`` [batch, 5]."""
    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        torch.onnx.export(
            _Likely(net.cpu().float().eval()),
            (torch.randn(1, 80, 60),),
            str(full),
            input_names=["mel"],
            output_names=["likely"],
            dynamic_axes={"mel": {0: "batch", 2: "frames"}, "likely": {0: "batch"}},
            dynamo=False,
            opset_version=17,
        )
        products = [
            node.name
            for node in onnx.load(full).graph.node
            if node.op_type in ("MatMul", "Gemm") and "/layers" in node.name
        ]
        quantize_dynamic(
            full, small, per_channel=True, weight_type=QuantType.QInt8, nodes_to_quantize=products
        )
        model = onnx.load(small)
    _halve(model.graph)
    onnx.save(model, path)


def _halve(graph: onnx.GraphProto) -> None:
    for weight in list(graph.initializer):
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) <= 20_000:
            continue
        name = f"{weight.name}_half"
        half = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), name)
        graph.initializer.remove(weight)
        graph.initializer.append(half)
        graph.node.insert(0, helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT))
