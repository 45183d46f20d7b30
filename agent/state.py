"""Where this user's files are that outlive a program: records on their way, callers' memory."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_state_path


def state_folder() -> Path:
    """``PARLEY_STATE``, or the user's state folder: the same for every program of this user."""
    own = os.environ.get("PARLEY_STATE")
    return Path(own).absolute() if own else user_state_path("parley")


def calls_folder() -> Path:
    """Where calls in progress are: ``PARLEY_CALLS``, or beside the rest."""
    own = os.environ.get("PARLEY_CALLS")
    return Path(own).absolute() if own else state_folder()
