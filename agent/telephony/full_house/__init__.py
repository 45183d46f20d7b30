"""A full house: what callers meet who come while every place is taken.

The agent server looks who waits (:mod:`.line`), and sends somebody into the rooms of those who hold
(:mod:`.attendant`): music, their position (:mod:`.announcer`), and at last an agent or a number.
That an agent is called as soon as there is a place is the dispatcher's (:mod:`agent.recovery`).
"""

from __future__ import annotations

from .line import WaitingLine

__all__ = ["WaitingLine"]
