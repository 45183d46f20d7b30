"""Prompts of the talker run in one CUDA graph, as its decode steps do.

vLLM captures whole steps only for batches in which every request has one token. A batch with a
prompt runs layer by layer, 28 graphs with an attention call behind each, while everybody else's
next frame waits for it: on an H200 the CPU was at it for 5.6 ms with one prompt of 22 tokens, and
is for 0.2 in one graph. FlashAttention 3 can be captured for any mixture.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .patching import TALKER, need, replace

_log = logging.getLogger("vllm.parley")
# The shortest prompt has 13. All sizes together are 0.14 GiB.
_SMALLEST = 16


def apply() -> None:
    """Capture graphs for mixed batches too, where the attention allows it."""
    from vllm_omni.worker_v2.omni_ar_model_runner import OmniARModelRunner as Runner

    need(Runner, "initialize_kv_cache", "prepare_inputs")
    replace(Runner, "initialize_kv_cache", _initialize_kv_cache)
    replace(Runner, "prepare_inputs", _prepare_inputs)


def _initialize_kv_cache(initialize: Callable[..., None]) -> Callable[..., None]:
    def initialize_kv_cache(self: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        if type(self.model).__name__ != TALKER:
            return
        try:
            if _can_capture_mixed(self):
                add_mixed(self.cudagraph_manager)
        except (ImportError, AttributeError, TypeError) as e:  # another vLLM
            _log.warning("%s: vLLM's graphs are left as they are: %s", __name__, e)

    return initialize_kv_cache


def _prepare_inputs(prepare: Callable[..., Any]) -> Callable[..., Any]:
    def prepare_inputs(self: Any, scheduler_output: Any, state: Any, description: Any) -> Any:
        batch = prepare(self, scheduler_output, state, description)
        if _is_mixed(description):
            # The attention's plan is made for the length with which its kernels were captured:
            # their tiles are chosen by it.
            batch.max_query_len = description.max_query_len
        return batch

    return prepare_inputs


def _is_mixed(description: Any) -> bool:
    return description.max_query_len is not None and description.uniform_token_count is None


def _can_capture_mixed(runner: Any) -> bool:
    """Whether every attention of the model can be captured in any batch."""
    from vllm.config.compilation import CUDAGraphMode
    from vllm.v1.attention.backend import AttentionCGSupport

    manager = runner.cudagraph_manager
    return (
        manager is not None
        and manager.cudagraph_mode == CUDAGraphMode.FULL_AND_PIECEWISE
        and not manager.varlen_decode
        and manager.lora_capture_cases == [0]
        and all(
            group.backend.get_builder_cls().get_cudagraph_support(
                runner.vllm_config, group.kv_cache_spec
            )
            == AttentionCGSupport.ALWAYS
            for groups in runner.attn_groups
            for group in groups
        )
    )


def add_mixed(manager: Any) -> None:
    """Have a ``CudaGraphManager`` capture each size from 16 tokens on for any mixture of requests.

    A batch of decode steps keeps its own graph, and what fits none of these is run as before.
    """
    from vllm.config.compilation import CUDAGraphMode
    from vllm.v1.worker.gpu.cudagraph_utils import BatchExecutionDescriptor

    whole = manager._capture_descs[CUDAGraphMode.FULL]
    sizes = [n for n in manager.compilation_config.cudagraph_capture_sizes if n >= _SMALLEST]
    covered = 0
    for size in sorted(sizes):
        mixed = BatchExecutionDescriptor(
            cg_mode=CUDAGraphMode.FULL,
            num_tokens=size,
            num_reqs=min(size, manager.max_num_reqs),
            max_query_len=size,
        )
        whole.append(mixed)
        for tokens in range(covered, size + 1):
            candidates = manager._candidates.setdefault((tokens, 0), [])
            first_piecewise = sum(c.cg_mode == CUDAGraphMode.FULL for c in candidates)
            candidates.insert(first_piecewise, mixed)
        covered = size + 1
    # The largest is captured first: the others find room in its memory, and its output is theirs.
    whole.sort(key=lambda description: description.num_tokens, reverse=True)
    _log.info("mixed batches of %s tokens get graphs of their own", sizes)
