"""gpu/plugin in the talker's graphs and frames, as JSON on standard output.

Everything once as vllm-omni does it and once with the plugin.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import parley_vllm_omni
from parley_vllm_omni import prefill_graphs
from vllm.config.compilation import CUDAGraphMode
from vllm.v1.attention.backend import AttentionCGSupport
from vllm_omni.worker_v2.omni_ar_model_runner import OmniAsyncOutput

from .talker_frames import END, Talker
from .talker_graphs import captured, manager, runner_with, taken


def frames(*, early: bool) -> dict[str, Any]:
    """Four replies and a clone; what is sent, and what while the GPU is still at the step.

    Args:
        early: Whether a first frame is expected before its step is done.
    """
    talker = Talker()
    sent_early = []

    def step(count: int | None = None, **frames: int) -> None:
        done = talker.step(frames)
        if early and count is not None:
            sent_early.append(talker.plane.wait_for(count))
        done.set()

    step(a=0)
    step(1, a=11)
    step(a=12, b=0, c=0)
    # c is silent: its first token ends it.
    step(2, a=13, b=21, c=END)
    step(b=22)
    talker.finish("a", "c")
    talker.step({"d": 0, "b": 23}, cloned=["d"]).set()
    talker.step({"d": 31, "e": 0}, cloned=["d"]).set()
    handed_on = [talker.handed_on()]
    talker.step({"d": 32, "e": 41, "b": 24}, cloned=["d"]).set()
    handed_on.append(talker.handed_on())
    talker.finish("b", "d", "e")
    return {"early": sent_early, "handed_on": handed_on, "sent": talker.settle()}


def main() -> None:
    """Stock, then with the plugin."""
    stock = {"frames": frames(early=False), "graphs": taken(manager())}
    sys.argv.append("--omni")
    get_output = OmniAsyncOutput.get_output
    parley_vllm_omni._VERSION = "0.29."
    parley_vllm_omni.register()
    assert OmniAsyncOutput.get_output is get_output, "another version is left as it is"
    parley_vllm_omni._VERSION = "0.30."
    parley_vllm_omni.register()
    with_graphs = manager()
    prefill_graphs.add_mixed(with_graphs)
    found = {
        "frames": frames(early=True),
        "graphs": taken(with_graphs),
        "captured": captured(with_graphs),
        "mixed": {
            support.name: prefill_graphs._can_capture_mixed(runner_with(support, mode))
            for support, mode in (
                (AttentionCGSupport.ALWAYS, CUDAGraphMode.FULL_AND_PIECEWISE),
                (AttentionCGSupport.UNIFORM_BATCH, CUDAGraphMode.FULL_AND_PIECEWISE),
            )
        },
        "mixed_without_graphs": prefill_graphs._can_capture_mixed(
            runner_with(AttentionCGSupport.ALWAYS, CUDAGraphMode.FULL_DECODE_ONLY)
        ),
    }
    print(json.dumps({"stock": stock, "with_the_plugin": found}))


if __name__ == "__main__":
    main()
