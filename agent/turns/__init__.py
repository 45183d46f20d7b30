"""Who has the floor: end of turn, overlap, stop and resume, and conduct of the agent's own."""

from .floor import HEARING, Floor
from .overlap import Judged
from .policy import Evidence, OverlapPolicy, Verdict, WordsFirst
from .taker import TurnTaker

__all__ = [
    "HEARING",
    "Evidence",
    "Floor",
    "Judged",
    "OverlapPolicy",
    "TurnTaker",
    "Verdict",
    "WordsFirst",
]
