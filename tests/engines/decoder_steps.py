"""What the scheduler of vllm-omni's decoder puts into its steps, as JSON on standard output.

Replies *a* to *c* have had their first chunk when *d* comes with its own. The decoder has four
places, and after that *e* comes too.
"""

from __future__ import annotations

import json
import sys

import parley_vllm_omni
import torch
from vllm.engine.arg_utils import EngineArgs
from vllm.sampling_params import SamplingParams
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
from vllm.v1.request import Request
from vllm.v1.structured_output import StructuredOutputManager
from vllm_omni.core.sched.omni_generation_scheduler import OmniGenerationScheduler
from vllm_omni.metrics.stats import OrchestratorAggregator

FIRST, LATER = 16, 64


class Decoder:
    """A scheduler with four places, and the replies it was given."""

    def __init__(self, model: str) -> None:
        config = EngineArgs(
            model=model, max_num_seqs=4, async_scheduling=False, enable_prefix_caching=False
        )
        vllm = config.create_engine_config()
        vllm.cache_config.num_gpu_blocks = 1000
        attention = FullAttentionSpec(
            block_size=16, num_kv_heads=1, head_size=8, dtype=torch.float32
        )
        self._scheduler = OmniGenerationScheduler(
            vllm_config=vllm,
            kv_cache_config=KVCacheConfig(
                num_blocks=1000,
                kv_cache_tensors=[],
                kv_cache_groups=[KVCacheGroupSpec(["layer"], attention)],
            ),
            structured_output_manager=StructuredOutputManager(vllm),
            block_size=16,
        )
        self._replies: dict[str, Request] = {}

    def first(self, name: str) -> None:
        """A reply's first chunk comes."""
        reply = Request(name, [1] * FIRST, SamplingParams(max_tokens=500), None)
        self._replies[name] = reply
        self._scheduler.add_request(reply)

    def later(self, *names: str) -> None:
        """Another chunk comes for each of the replies."""
        for name in names:
            self._replies[name].prompt_token_ids.extend([1] * LATER)

    def step(self) -> str:
        """The replies of which the next step takes a chunk."""
        output: SchedulerOutput = self._scheduler.schedule()
        return "".join(sorted(output.num_scheduled_tokens))


def steps(model: str) -> list[str]:
    """The steps of the story above."""
    decoder = Decoder(model)
    for name in "abc":
        decoder.first(name)
    found = [decoder.step()]
    decoder.later("a", "b", "c")
    decoder.first("d")
    found += [decoder.step(), decoder.step()]
    decoder.first("e")
    decoder.later("a", "d")
    return [*found, decoder.step(), decoder.step()]


def main() -> None:
    """Stock, then with the plugin as a language model loads it, then as the voice does."""
    model = sys.argv[1]
    found = {"stock": steps(model)}
    summary = OrchestratorAggregator.build_and_log_summary
    parley_vllm_omni.register()
    found["of_a_language_model"] = steps(model)
    assert OrchestratorAggregator.build_and_log_summary is summary
    sys.argv.append("--omni")
    parley_vllm_omni.register()
    found["with_the_plugin"] = steps(model)
    assert OrchestratorAggregator.build_and_log_summary is not summary
    print(json.dumps(found))


if __name__ == "__main__":
    main()
