"""What the page asks of whatever signs its visitors in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute

from agent.visitor import Visitor


class SignInError(Exception):
    """The profile's way to sign in does not work; the text says what to change."""


class NotAllowed(Exception):
    """Somebody is known and gets no ticket; the text is the sentence for them."""


class Unavailable(Exception):
    """It cannot be found out now who somebody is, so they get no ticket."""


class SignIn(Protocol):
    """A way to sign in."""

    @property
    def address(self) -> str:
        """Where a browser goes to sign in."""
        ...

    @property
    def leaves(self) -> bool:
        """Whether the page can sign somebody out."""
        ...

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What the page serves for it."""
        ...

    @property
    def middleware(self) -> Sequence[Middleware]:
        """What goes around all that the page serves."""
        ...

    async def who(self, request: Request) -> Visitor | None:
        """Who sent a request; None if they have not signed in.

        Raises:
            NotAllowed: They have, and get no ticket.
            Unavailable: It cannot be found out now.
        """
        ...
