"""Prerecorded prompts: what is said when an engine or an agent fails, made while all was well."""

from __future__ import annotations

from .sounds import Prerecorded

__all__ = ["Prerecorded"]
