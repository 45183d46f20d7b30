"""Who has the floor: end of turn, overlap, stop and resume, and conduct of the agent's own."""

from .floor import Floor
from .taker import TurnTaker

__all__ = ["Floor", "TurnTaker"]
