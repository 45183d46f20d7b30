"""One HTML page of a conversation that was saved at the web page: ``make report FILE=…``."""

from .page import STYLE, render
from .saved import NotSaved, Saved, read

__all__ = ["STYLE", "NotSaved", "Saved", "read", "render"]
