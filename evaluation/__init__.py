"""Simulated callers: scenarios that are played against an agent, by text and by voice.

``make eval AGENT=…``, or ``python -m agent eval AGENT``; see docs/eval.md.
"""
