"""What the watchdog needs of whatever holds a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from livekit.agents import vad


class Hearing(Protocol):
    """Who hears the user."""

    def listen(self, on_event: Callable[[vad.VADEvent], None]) -> Callable[[], None]:
        """Be told of their voice; gives what ends that."""
        ...


class Ground(Protocol):
    """Turn-taking, as :class:`livekit.plugins.turn_taking.Floor` is one."""

    @property
    def microphone(self) -> Hearing:
        """Of the user."""
        ...

    @property
    def sounding(self) -> bool:
        """Whether the agent has something to play now; False where nobody knows."""
        ...

    def on(self, event: Any, callback: Any = None, /) -> Any:
        """Be told of what is ``recognised``."""
        ...

    def say_aside(self, sound: npt.NDArray[np.int16], text: str, /) -> bool:
        """Play words that belong to no reply; whether they will be heard."""
        ...
