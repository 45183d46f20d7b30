"""Who has the floor: end of turn, overlap, stop and resume, and conduct of the agent's own."""

from .clause import Clause
from .endpoint import Pause, Wait
from .floor import HEARING, Floor
from .overlap import Judged
from .patience import Patience
from .policy import Evidence, OverlapPolicy, Verdict, WordsFirst
from .taker import TurnTaker

__all__ = [
    "HEARING",
    "Clause",
    "Evidence",
    "Floor",
    "Judged",
    "OverlapPolicy",
    "Patience",
    "Pause",
    "TurnTaker",
    "Verdict",
    "Wait",
    "WordsFirst",
]
