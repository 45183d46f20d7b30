"""Prerecorded prompts: what the agent says when an engine fails, made while all was well."""

from __future__ import annotations

from .sounds import Prerecorded

__all__ = ["Prerecorded"]
