"""Signing in with an OpenID provider: the code flow with PKCE, state and nonce, by Authlib.

What Authlib leaves to its caller is done here: that the provider is the one of the profile, that
the token is for this page, that it is signed by a key and not by a shared word, and who is let in.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from limits import RateLimitItemPerMinute
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agent.origin import is_loopback, same_origin
from agent.rate import Rate, TooMany
from agent.recovery import CallBook, StoreError
from agent.refusal import refusal
from agent.sign_in_settings import OIDCSettings
from agent.visitor import Visitor, plain

from .door import Unavailable

logger = logging.getLogger("parley.web")

COOKIE = "__Host-parley"
"""Browsers take a cookie of this prefix only if it is Secure and for this host alone."""

_RATE = RateLimitItemPerMinute(60)
"""Steps of signing in by one client address: two each, and an office has one address."""

_SECONDS = 10.0
"""For what one step asks of the provider."""

_LEEWAY = 60
"""Seconds by which the provider's clock may differ, or another page's."""

_SIGNATURES = frozenset(
    f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA"}
"""By a key that only the provider has. A provider may also list ``none``, and ``HS256``, whose key
is the client's own secret."""

_KEPT, _SESSION = "visitor", "session"


class _Refused(Exception):
    """Somebody is not let in; the text is for the log."""


class OIDC:
    """Keeps in a signed cookie who has signed in, and in the book who has signed out since.

    Args:
        settings: The provider, and who of it is let in.
        hours: How long they stay signed in.
        key: Signs the cookies.
        book: Where it is kept whose cookies are of no use any more; closed by whoever opened it.
    """

    address = "/sign-in"
    leaves = True

    def __init__(self, settings: OIDCSettings, *, hours: float, key: str, book: CallBook) -> None:
        self._settings = settings
        self._book = book
        self._seconds = hours * 3600
        self._rate = Rate(_RATE)
        secret = settings.client_secret
        self._provider: Any = OAuth().register(
            "parley",
            client_id=settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.scope,
                "code_challenge_method": "S256",
                "timeout": _SECONDS,
                **({} if secret else {"token_endpoint_auth_method": "none"}),
            },
        )
        self.routes = (
            Route("/sign-in", self._begin),
            Route("/sign-in/back", self._finish, name="signed-in"),
            Route("/sign-out", self._leave, methods=["POST"]),
        )
        self.middleware = (
            Middleware(
                SessionMiddleware,
                secret_key=key,
                session_cookie=COOKIE,
                max_age=int(self._seconds),
                same_site="lax",  # it has to come along when the provider sends somebody back
                https_only=True,
            ),
        )

    async def who(self, request: Request) -> Visitor | None:
        """Read the cookie, unless its sign-in has ended."""
        kept = _kept(request)
        if kept is None:
            return None
        try:
            ended = await self._book.sign_in_ended(kept[_SESSION])
        except StoreError as e:
            logger.error("nobody is known, since who signed out is not", extra={"reason": str(e)})
            raise Unavailable(str(e)) from e
        return None if ended else Visitor(kept["name"], kept["id"])

    async def _begin(self, request: Request) -> Response:
        """Send a browser to the provider."""
        if request.url.scheme != "https" and not is_loopback(request.url.hostname or ""):
            logger.error(
                "nobody can sign in at a page without https, which gets no cookie: if a proxy"
                " before it has a certificate, name it in FORWARDED_ALLOW_IPS"
            )
            return _to_page("no_provider")
        try:
            await self._check_rate(request)
            async with asyncio.timeout(_SECONDS):
                await self._learn()
                sent: Response = await self._provider.authorize_redirect(
                    request, request.url_for("signed-in")
                )
        except TooMany:
            return _to_page("too_many")
        except (AuthlibBaseError, httpx2.HTTPError, TimeoutError, ValueError, RuntimeError) as e:
            logger.error("the provider of sign_in.oidc is of no use", extra={"reason": repr(e)})
            return _to_page("no_provider")
        sent.headers["Cache-Control"] = "no-store"
        return sent

    async def _finish(self, request: Request) -> Response:
        """Take a browser that comes back from the provider."""
        try:
            await self._check_rate(request)
            async with asyncio.timeout(_SECONDS):
                visitor = await self._exchange(request)
        except TooMany:
            return _to_page("too_many")
        except _Refused as e:
            logger.warning("somebody is not let in", extra={"reason": str(e)})
            return _to_page("not_allowed")
        except (
            *(AuthlibBaseError, JoseError, httpx2.HTTPError, TimeoutError),
            *(ValueError, RuntimeError),  # of what is no JSON, or lacks what it must have
        ) as e:
            logger.warning("a sign-in came to nothing", extra={"reason": repr(e)})
            return _to_page("sign_in_failed")
        try:
            await self._end(request)  # of whoever was signed in before, in this browser
        except StoreError as e:
            logger.error("a sign-in came to nothing", extra={"reason": str(e)})
            return _to_page("sign_in_failed")
        request.session.clear()
        request.session[_KEPT] = {
            _SESSION: secrets.token_hex(16),
            "name": visitor.name,
            "id": visitor.id,
            "until": time.time() + self._seconds,
        }
        return _to_page()

    async def _leave(self, request: Request) -> Response:
        """Forget who it is, here and at all pages that share the book; the provider does not."""
        if not same_origin(request):
            return refusal(403, "other_site", "Only this site's own page can sign you out.")
        try:
            await self._end(request)
        except StoreError as e:
            logger.error("somebody could not be signed out", extra={"reason": str(e)})
            return refusal(503, "not_signed_out", "You are still signed in. Try again later.")
        request.session.clear()
        return Response(status_code=204)

    async def _end(self, request: Request) -> None:
        """Make every copy of a cookie useless."""
        if kept := _kept(request):
            # By the clocks of other pages it may hold a little longer.
            await self._book.end_sign_in(kept[_SESSION], kept["until"] - time.time() + _LEEWAY)

    async def _exchange(self, request: Request) -> Visitor:
        await self._learn()
        token = await self._provider.authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "value": self._settings.issuer},
                "aud": {"essential": True, "value": self._settings.client_id},
            },
            leeway=_LEEWAY,
        )
        claims = token.get("userinfo")
        if not claims:
            raise ValueError("the provider gave no ID token")
        self._check(claims)
        known = (claims.get(name) for name in ("name", "preferred_username", "email", "sub"))
        name = next(plain(text) for text in known if isinstance(text, str) and plain(text))
        return Visitor(name, str(claims["sub"]))

    async def _learn(self) -> None:
        """Read what the provider says of itself, once."""
        metadata = await self._provider.load_server_metadata()
        if metadata.get("issuer") != self._settings.issuer:
            metadata.pop("_loaded_at", None)  # so that it is read again
            raise ValueError(
                f"it calls itself {metadata.get('issuer')!r}, and sign_in.oidc.issuer is "
                f"{self._settings.issuer!r}"
            )
        said = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [
            each for each in said if each in _SIGNATURES
        ]

    def _check(self, claims: dict[str, Any]) -> None:
        """Raise unless somebody may come in."""
        domains = {domain.lower() for domain in self._settings.email_domains}
        if domains:
            _, at, domain = str(claims.get("email", "")).lower().rpartition("@")
            if claims.get("email_verified") is not True:
                raise _Refused("their address is not verified")
            if not at or domain not in domains:
                raise _Refused("their address is of another domain")
        for name, allowed in self._settings.claims.items():
            has = claims.get(name)
            values = has if isinstance(has, list) else [has]
            if not any(isinstance(value, str) and value in allowed for value in values):
                raise _Refused(f"none of the values of {name} that are let in is theirs")

    async def _check_rate(self, request: Request) -> None:
        await self._rate.check(request.client.host if request.client else "")


def _kept(request: Request) -> dict[str, Any] | None:
    """What the cookie says of somebody who signed in not too long ago."""
    kept: dict[str, Any] | None = request.session.get(_KEPT)
    # The cookie's own age begins anew whenever something is added to it.
    return kept if kept and time.time() < kept["until"] and _SESSION in kept else None


def _to_page(notice: str = "") -> Response:
    """Back to the page, which says what a notice's code means."""
    where = f"/#{notice}" if notice else "/"
    return RedirectResponse(where, 303, {"Cache-Control": "no-store"})
