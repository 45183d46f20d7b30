"""Which graph vLLM takes for which batch of the talker, before and with gpu/plugin."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from vllm.config.compilation import CUDAGraphMode
from vllm.v1.attention.backend import AttentionCGSupport
from vllm.v1.worker.gpu.cudagraph_utils import CudaGraphManager

# Requests, tokens, tokens of each request if all have as many, tokens of the longest.
BATCHES = {
    "8 decode steps": (8, 8, 1, 1),
    "22 decode steps": (22, 22, 1, 1),
    "a prompt": (1, 22, 22, 22),
    "a prompt beside 8 decode steps": (9, 30, None, 22),
    "a prompt beside 31 decode steps": (32, 53, None, 22),
    "8 prompts": (8, 176, None, 30),
    "the rest of a prompt": (1, 3, 3, 3),
    "too much": (32, 700, None, 30),
    "more requests than places": (33, 60, None, 22),
    "the code predictor": (8, 8, 1, None),
}


def manager(mode: CUDAGraphMode = CUDAGraphMode.FULL_AND_PIECEWISE) -> CudaGraphManager:
    """vLLM's own for the sizes of configs/qwen3_tts_low_latency.yaml, without a GPU."""
    made: Any = CudaGraphManager.__new__(CudaGraphManager)
    made.vllm_config = SimpleNamespace(
        speculative_config=None, cache_config=SimpleNamespace(use_kda_recoverssm=False)
    )
    sizes = [1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512]
    made.compilation_config = SimpleNamespace(
        cudagraph_capture_sizes=sizes, max_cudagraph_capture_size=512
    )
    made.cudagraph_mode = mode
    made.max_num_reqs, made.decode_query_len = 32, 1
    made.varlen_decode, made.ubatch_runner = False, None
    made.lora_capture_cases, made._lora_dispatch_map, made._max_lora_case = [0], {}, 0
    made._candidates, made._capture_descs = {}, {}
    made._init_candidates()
    made._graphs_captured = True
    return made


def taken(by: CudaGraphManager) -> dict[str, list[Any]]:
    """For each batch how it is run, padded to how many tokens and requests."""
    found = {}
    for name, (requests, tokens, uniform, longest) in BATCHES.items():
        graph = by.dispatch(requests, tokens, uniform, 0, max_query_len=longest)
        found[name] = [graph.cg_mode.name, graph.num_tokens, graph.num_reqs, graph.max_query_len]
    return found


def captured(by: CudaGraphManager) -> list[int]:
    """Tokens of the graphs of whole steps, in the order in which they are captured."""
    graphs = by._capture_descs[CUDAGraphMode.FULL]
    assert len(set(graphs)) == len(graphs)
    return [graph.num_tokens for graph in graphs]


def runner_with(support: AttentionCGSupport, mode: CUDAGraphMode) -> Any:
    """A runner whose attention can be captured so far."""
    builder = SimpleNamespace(get_cudagraph_support=lambda config, spec: support)
    group = SimpleNamespace(
        backend=SimpleNamespace(get_builder_cls=lambda: builder), kv_cache_spec=None
    )
    return SimpleNamespace(cudagraph_manager=manager(mode), attn_groups=[[group]], vllm_config=None)
