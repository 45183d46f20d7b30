"""What the agent says of its own accord, in the language of the moment."""

from __future__ import annotations

from collections.abc import Callable

from ..languages import Phrases

Speaking = Callable[[], Phrases]
"""Gives the phrases of the language that is being spoken now."""
