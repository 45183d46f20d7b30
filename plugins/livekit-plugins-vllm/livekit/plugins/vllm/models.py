"""Names for editors and type checkers; any other string works as well."""

from __future__ import annotations

from typing import Literal, TypeAlias

ChatModels: TypeAlias = Literal[
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-30B-A3B-Instruct-2507",
    "Qwen/Qwen3-Omni-30B-A3B-Instruct",
    "Qwen/Qwen2.5-7B-Instruct",
    "meta-llama/Llama-3.1-8B-Instruct",
    "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
]

AudioInput: TypeAlias = Literal["off", "beside", "instead"]
"""Whether the speech of the user's turn goes to the model: not at all, beside its transcript, or
instead of it."""
