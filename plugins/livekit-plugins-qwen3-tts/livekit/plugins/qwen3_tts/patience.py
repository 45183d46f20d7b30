"""How often what broke off is asked for again, and when."""

from __future__ import annotations

from collections.abc import Sequence

from livekit.agents import APIError, APIStatusError

from .unit import Unit
from .voice import is_about_the_text

# What a proxy answers for a server that is being restarted, and a server that is busy.
_GONE = frozenset({408, 425, 429, 502, 503, 504})


class Patience:
    """What a reply that is being heard waits for a server that has failed.

    LiveKit asks again for a reply of which nothing was heard. Of one that is being heard only the
    rest may be asked for, which is done here, after the same pauses.

    Args:
        pauses: Seconds before each further try; none left, and the unit is given up.
    """

    def __init__(self, pauses: Sequence[float] = ()) -> None:
        self._pauses = pauses
        self._spent = 0

    def renew(self) -> None:
        """A word was spoken: the next failure is another one."""
        self._spent = 0

    def before(self, unit: Unit, error: APIError, *, gained: bool, heard: bool) -> float | None:
        """Return the seconds after which to ask for the rest of a unit; None to give it up.

        Args:
            unit: What broke off.
            error: Why.
            gained: Whether a word of it was heard: it is gone on with at once, for as long as that
                brings it further.
            heard: Whether anything of the reply was heard.
        """
        if gained:
            self.renew()
            return 0.0
        if unit.received and not unit.resumed:
            return 0.0
        if not (heard and _may_pass(error)) or self._spent >= len(self._pauses):
            return None
        self._spent += 1
        return self._pauses[self._spent - 1]


def _may_pass(error: APIError) -> bool:
    """Whether it may be otherwise in a moment: a server that answers 500 would do so again."""
    if isinstance(error, APIStatusError):
        return error.status_code in _GONE
    return error.retryable and not is_about_the_text(error)
