"""A small OpenID provider: discovery, keys, the code flow with PKCE; what it signs can be wrong."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from agent.sign_in_settings import OIDCSettings

CLIENT, SECRET = "parley-page", "a-secret-of-the-client-that-is-long-enough"
ADA = {"sub": "user-1", "name": "Ada Lovelace", "email": "ada@example.org", "email_verified": True}

Claims = dict[str, Any]


@functools.cache
def _key(_: int = 1) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2048)


class Provider:
    """A provider at which one person is signed in. Use :func:`provide`."""

    def __init__(self) -> None:
        self.person: Claims = dict(ADA)
        self.key = _key()
        self.issuer = ""
        self.calls_itself: str | None = None
        self.asks = False
        """Whether it shows a page of its own, as to a person."""
        self.secret: str | None = SECRET
        self.change: Callable[[Claims], Claims] = dict
        self.sign: Callable[[Claims], str | None] = self.signed
        self.grants: dict[str, dict[str, str]] = {}
        self.given: list[str] = []

    @property
    def settings(self) -> OIDCSettings:
        secret = SecretStr(self.secret) if self.secret else None
        return OIDCSettings(issuer=self.issuer, client_id=CLIENT, client_secret=secret)

    def signed(self, claims: Claims) -> str:
        return jwt.encode(claims, self.key, "RS256", headers={"kid": "1"})

    async def discovery(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.calls_itself or self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                # As some do: the page is to take none of the others for that.
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]})

    async def authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"].endswith("/sign-in/back")
        assert len(asked["state"]) >= 20
        assert len(asked["nonce"]) >= 20
        grant = f"/grant?{urlencode(asked)}"
        if self.asks:
            page = f'<!doctype html><a href="{grant}">Continue as {self.person["name"]}</a>'
            return web.Response(text=page, content_type="text/html")
        raise web.HTTPFound(grant)

    async def grant(self, request: web.Request) -> web.Response:
        code = secrets.token_urlsafe(16)
        self.grants[code] = asked = dict(request.query)
        self.given.append(code)
        back = urlencode({"code": code, "state": asked["state"]})
        raise web.HTTPFound(f"{asked['redirect_uri']}?{back}")

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self.secret:
            if request.headers.get("Authorization") != encode_basic_auth(CLIENT, self.secret):
                return web.json_response({"error": "invalid_client"}, status=401)
        elif form.get("client_id") != CLIENT:
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self.grants.pop(str(form["code"]), None)
        verifier = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            **self.person,
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        id_token = self.sign(self.change(claims))
        answer = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer"}
        return web.json_response(answer | ({"id_token": id_token} if id_token else {}))


def unsigned(claims: Claims) -> str:
    """A token that says of itself that nobody has signed it."""
    return jwt.encode(claims, "", "none", headers={"kid": "1"})


def by_the_shared_word(claims: Claims) -> str:
    """A token that is signed with the secret that the client has too."""
    return jwt.encode(claims, SECRET, "HS256", headers={"kid": "1"})


def by_another_key(claims: Claims) -> str:
    """A token of somebody who has a key of their own, and calls it the provider's."""
    return jwt.encode(claims, _key(2), "RS256", headers={"kid": "1"})


def by_a_key_in_the_token(claims: Claims) -> str:
    """A token that brings the key with which it is to be believed."""
    own = _key(2)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))
    return jwt.encode(claims, own, "RS256", headers={"jwk": public})


@contextlib.asynccontextmanager
async def provide() -> AsyncIterator[Provider]:
    """Serve a provider."""
    provider = Provider()
    app = web.Application()
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", provider.discovery),
            web.get("/keys", provider.keys),
            web.get("/authorize", provider.authorize),
            web.get("/grant", provider.grant),
            web.post("/token", provider.token),
        ]
    )
    async with TestServer(app) as server:
        provider.issuer = str(server.make_url("")).rstrip("/")
        yield provider
