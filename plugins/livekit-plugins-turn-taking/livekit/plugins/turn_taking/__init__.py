"""Turn-taking for LiveKit Agents: end of turn, barge-in, playback and conduct, on this machine.

`Floor` makes a session that takes turns; agents in it derive from `TurnTakingAgent`.
"""

from __future__ import annotations

from livekit.agents import Plugin

from .agent import TurnTakingAgent
from .barge_in.policy import BargeInPolicy, Evidence, Verdict, WantsHunches, WordsFirst
from .barge_in.tracker import FALSE_STOP, Judged
from .end_of_turn.clause import Clause
from .end_of_turn.detector import Endpointer, TurnEnd
from .end_of_turn.policy import EndpointingPolicy
from .end_of_turn.state import Pause, Wait
from .floor import HEARING, Floor, Stage
from .log import logger
from .model import ModelError, download
from .options import TurnOptions
from .version import __version__

__all__ = [
    "FALSE_STOP",
    "HEARING",
    "BargeInPolicy",
    "Clause",
    "Endpointer",
    "EndpointingPolicy",
    "Evidence",
    "Floor",
    "Judged",
    "ModelError",
    "Pause",
    "Stage",
    "TurnEnd",
    "TurnOptions",
    "TurnTakingAgent",
    "Verdict",
    "Wait",
    "WantsHunches",
    "WordsFirst",
    "__version__",
]


class TurnTakingPlugin(Plugin):
    """Registers the plugin with LiveKit Agents."""

    def __init__(self) -> None:
        super().__init__(__name__, __version__, __package__ or __name__, logger)

    def download_files(self) -> None:
        """Fetch the model that hears whether a turn is over (``agent.py download-files``)."""
        download()


Plugin.register_plugin(TurnTakingPlugin())

# pdoc shows what is exported and nothing else.
__pdoc__ = {name: False for name in dir() if name not in __all__}
