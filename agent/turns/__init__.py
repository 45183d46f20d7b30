"""Who has the floor: end of turn, overlap, stop and resume."""

from .floor import Floor
from .taker import TurnTaker

__all__ = ["Floor", "TurnTaker"]
