"""Signing in by a function of one's own, such as one that reads what a proxy says."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute

from agent.visitor import Visitor, plain

from .door import NotAllowed, SignInError

logger = logging.getLogger("parley.web")

_SECONDS = 5.0
"""For an answer: a person waits at the button."""

_UNKNOWN = "It could not be found out who you are. Try again later."


class Hook:
    """Asks a function about each request for a ticket.

    The function is given Starlette's request. It returns the visitor's name, or a
    :class:`agent.visitor.Visitor` if they have an identifier besides; None if they have not signed
    in; or raises :class:`NotAllowed`. It may be a coroutine function, and is one if it waits for
    anything. Whatever else it raises or returns is logged and refuses the ticket, too.

    Args:
        path: ``module:function``.

    Raises:
        SignInError: There is no such function.
    """

    address = "/"
    """Whoever stands in front of the page asks them to sign in when they open it again."""
    leaves = False
    routes: Sequence[BaseRoute] = ()
    middleware: Sequence[Middleware] = ()

    def __init__(self, path: str) -> None:
        module, _, name = path.partition(":")
        try:
            self._function = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as e:
            raise SignInError(f"sign_in.hook = {path!r} cannot be loaded: {e}.") from e
        if not callable(self._function):
            raise SignInError(f"sign_in.hook = {path!r} is not a function.")
        self._path = path

    async def who(self, request: Request) -> Visitor | None:
        """Ask the function."""
        try:
            answer = self._function(request)
            if inspect.isawaitable(answer):
                async with asyncio.timeout(_SECONDS):
                    answer = await answer
        except NotAllowed:
            raise
        except Exception as e:
            logger.exception("the hook failed", extra={"hook": self._path})
            raise NotAllowed(_UNKNOWN) from e
        if answer is None:
            return None
        if isinstance(answer, str):
            answer = Visitor(answer, "")  # two people may have one name
        if not isinstance(answer, Visitor) or not plain(answer.name):
            logger.error("the hook gave no name", extra={"hook": self._path})
            raise NotAllowed(_UNKNOWN)
        return Visitor(plain(answer.name), answer.id)
