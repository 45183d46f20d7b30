"""The decoder makes the first chunk of every reply before it makes later ones.

A step of the decoder takes all chunks that are ready and gives back their sound when the last is
done, so that the 80 ms for which somebody waits are made beside two seconds that nobody will hear
for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .patching import need, replace


def apply() -> None:
    """Hold later chunks back for a step when a first one is there."""
    from vllm_omni.core.sched.omni_generation_scheduler import OmniGenerationScheduler as Scheduler

    need(
        Scheduler,
        "schedule",
        "_process_pending_omni_inputs",
        "_get_async_chunk_reserved_running_slots",
    )
    replace(Scheduler, "_process_pending_omni_inputs", _process_pending_omni_inputs)
    replace(Scheduler, "schedule", _schedule)


def _process_pending_omni_inputs(take_chunks: Callable[..., None]) -> Callable[..., None]:
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

    return process_pending_omni_inputs


def _schedule(schedule: Callable[..., Any]) -> Callable[..., Any]:
    def schedule_first_chunks(self: Any, throttle_prefills: bool = False) -> Any:
        self._parley_later = []
        try:
            return schedule(self, throttle_prefills)
        finally:
            self.running = self._parley_later + self.running
            self.max_num_running_reqs += len(self._parley_later)

    return schedule_first_chunks
