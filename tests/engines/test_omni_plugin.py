"""gpu/plugin in vllm-omni's own classes, in the environment of the engines."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from .servers import engines_folder, printed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talker() -> Any:
    """Graphs and frames of the talker, without the plugin and with it."""
    return await printed("talker_steps")


async def test_first_chunks_are_made_before_later_ones() -> None:
    steps = await printed("decoder_steps", engines_folder() / "models/llm")

    together = ["abc", "abcd", "", "ad", ""]
    assert steps["stock"] == together
    assert steps["of_a_language_model"] == together
    # d's first chunk is not made beside later ones; e, for whom there is no place, stops nobody.
    assert steps["with_the_plugin"] == ["abc", "d", "abc", "ad", ""]


def test_a_batch_with_a_prompt_has_a_graph(talker: Any) -> None:
    stock, plugin = talker["stock"]["graphs"], talker["with_the_plugin"]["graphs"]
    changed = {
        "a prompt": ["FULL", 32, 32, 32],
        "a prompt beside 8 decode steps": ["FULL", 32, 32, 32],
        "a prompt beside 31 decode steps": ["FULL", 64, 32, 64],
        "8 prompts": ["FULL", 192, 32, 192],
        "the rest of a prompt": ["FULL", 16, 16, 16],
    }
    assert plugin == stock | changed
    assert {stock[name][0] for name in changed} == {"PIECEWISE"}
    sizes = talker["with_the_plugin"]["captured"]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 512, "the first captured has the memory that the others share"


def test_only_attention_that_allows_it_is_captured(talker: Any) -> None:
    plugin = talker["with_the_plugin"]
    assert plugin["mixed"] == {"ALWAYS": True, "UNIFORM_BATCH": False}
    assert not plugin["mixed_without_graphs"]


def test_a_first_frame_leaves_before_its_step_is_done(talker: Any) -> None:
    stock, plugin = talker["stock"]["frames"], talker["with_the_plugin"]["frames"]
    assert all(plugin["early"])
    # Each frame once, in its order, in the same chunks.
    for reply in "abcde":
        chunks = [codes for name, codes in stock["sent"] if name == reply]
        assert [codes for name, codes in plugin["sent"] if name == reply] == chunks
    assert plugin["sent"][:2] == [["a", [11]], ["b", [21]]]
    assert {name for name, _ in stock["sent"]} == set("abde")
    # Not a clone's, whose reference goes before it, and no later ones.
    assert plugin["handed_on"] == [[], ["e"]]
