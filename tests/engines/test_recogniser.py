"""The decoder of the benches' recogniser, in the environment of the engines."""

from __future__ import annotations

from .servers import printed


async def test_the_decoder_with_a_cache_writes_what_one_without_would() -> None:
    found = await printed("whisper_steps")
    assert found["written"] == found["whole"]
    assert len({tuple(step) for step in found["written"]}) > 2
    assert found["eager"] == "there are no graphs on a CPU"
