"""Engines that fail as they are told, and what a caller notices of it in a real room."""
