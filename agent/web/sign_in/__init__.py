"""Signing in at the page, if its profile asks for it: with an OpenID provider, or by a hook."""

from __future__ import annotations

import hashlib
import hmac

from agent.recovery import CallBook
from agent.sign_in_settings import SignInSettings

from .door import NotAllowed, SignIn, SignInError, Unavailable
from .hook import Hook

__all__ = ["Hook", "NotAllowed", "SignIn", "SignInError", "Unavailable", "sign_in_of"]


def sign_in_of(settings: SignInSettings | None, secret: str, book: CallBook) -> SignIn | None:
    """What a profile asks of visitors; None if nothing.

    Args:
        settings: The section of the profile.
        secret: LiveKit's secret, from which the key of the cookies is made: pages that share it
            take each other's, and a new one signs everybody out, as do new settings: who is let
            in no more is not let in with an old cookie.
        book: Where it is kept who has signed out; closed by whoever opened it.

    Raises:
        SignInError: It cannot be done; the text says what to change.
    """
    if settings is None:
        return None
    if settings.hook:
        return Hook(settings.hook)
    assert settings.oidc is not None  # or the settings were refused
    try:
        from .oidc import OIDC
    except ImportError as e:
        raise SignInError(
            "sign_in.oidc needs packages that are not installed: run `uv sync --extra sign-in`."
        ) from e
    purpose = f"parley sign-in {settings.model_dump_json(exclude={'oidc': {'client_secret'}})}"
    key = hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()
    return OIDC(settings.oidc, hours=settings.hours, key=key, book=book)
