"""Prerecorded prompts: what the agent says when an engine fails, made while all was well."""

from __future__ import annotations

from .phrases import TEXTS, Phrase
from .sounds import Prerecorded

__all__ = ["TEXTS", "Phrase", "Prerecorded"]
