"""No tables about every request.

The API server makes three of them at the end of each request, in its event loop, while the chunks
of all others wait. The metrics at ``/metrics`` stay.
"""

from __future__ import annotations


def apply() -> None:
    """Make none."""
    from vllm_omni.metrics.stats import OrchestratorAggregator

    OrchestratorAggregator.build_and_log_summary = lambda self: {}
