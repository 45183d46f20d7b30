"""Two changes to vllm-omni 0.30 that shorten the wait for first audio when many speak at once.

vLLM loads this through its ``vllm.general_plugins`` entry point in every process of a server;
``VLLM_PLUGINS=vllm_omni_register_models`` in its environment leaves it out. What the changes did
is in docs/tuning.md.
"""

from __future__ import annotations

import sys
from typing import Any


def register() -> None:
    """Apply both changes; vLLM calls this once in each of its processes."""
    if "--omni" not in sys.argv:  # a language model of the same environment
        return
    _first_chunks_first()
    _no_tables()


def _first_chunks_first() -> None:
    """Let the decoder make the first chunk of every reply before it makes later ones.

    A step of the decoder takes all chunks that are ready and gives back their sound when the last
    is done, so that the 80 ms for which somebody waits are made beside two seconds that nobody
    will hear for a while.
    """
    from vllm_omni.core.sched.omni_generation_scheduler import OmniGenerationScheduler as Scheduler

    schedule = Scheduler.schedule
    take_chunks = Scheduler._process_pending_omni_inputs

    def process_pending_omni_inputs(self: Any, model_mode: str) -> None:
        take_chunks(self, model_mode)
        taken = len(self.running) + self._get_async_chunk_reserved_running_slots()
        # Without a free place a first chunk waits for a reply to end, whose last chunk must not
        # wait for it.
        if taken < self.max_num_running_reqs and any(
            request.prompt_token_ids and not request.num_computed_tokens for request in self.waiting
        ):
            self._parley_later, self.running = self.running, []
            # They keep their places.
            self.max_num_running_reqs -= len(self._parley_later)

    def schedule_first_chunks(self: Any, throttle_prefills: bool = False) -> Any:
        self._parley_later = []
        try:
            return schedule(self, throttle_prefills)
        finally:
            self.running = self._parley_later + self.running
            self.max_num_running_reqs += len(self._parley_later)

    Scheduler._process_pending_omni_inputs = process_pending_omni_inputs
    Scheduler.schedule = schedule_first_chunks


def _no_tables() -> None:
    """Print no tables about every request.

    The API server makes three of them at the end of each request, in its event loop, while the
    chunks of all others wait. The metrics at ``/metrics`` stay.
    """
    from vllm_omni.metrics.stats import OrchestratorAggregator

    OrchestratorAggregator.build_and_log_summary = lambda self: {}
