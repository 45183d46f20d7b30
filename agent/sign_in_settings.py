"""The section of a profile that has visitors of the page sign in."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from .engine_settings import Secret, Section
from .origin import is_loopback


def _is_issuer(issuer: str) -> str:
    parts = urlsplit(issuer)
    secure = parts.scheme == "https" or (
        parts.scheme == "http" and is_loopback(parts.hostname or "")
    )
    if not (secure and parts.hostname) or parts.query or parts.fragment:
        raise ValueError("must be an https address, as the provider writes it")
    return issuer


class OIDCSettings(Section):
    """An OpenID provider."""

    issuer: Annotated[str, AfterValidator(_is_issuer)]
    """Its address, letter for letter as it writes it itself; what else there is to know is read
    from ``/.well-known/openid-configuration`` below it."""
    client_id: Annotated[str, Field(min_length=1)]
    """What it knows the page as."""
    client_secret: Secret | None = None
    """What it knows it by; a public client, which has none, proves itself by PKCE alone."""
    scope: Annotated[str, Field(pattern=r"^openid(\s+\S+)*$", examples=["openid email"])] = (
        "openid email profile"
    )
    """What it is asked for."""
    email_domains: list[
        Annotated[str, Field(pattern=r"^[^@\s]+\.[^@\s]+$", examples=["example.com"])]
    ] = []
    """Domains of the e-mail addresses that are let in, such as ``example.org``, if the provider
    calls the address verified; when empty, all are, and so is who has none."""
    claims: dict[str, list[str]] = {}
    """What else the provider has to say of somebody: by the name of a claim, the values of which it
    must have one, such as ``{groups: [staff]}``."""


class SignInSettings(Section):
    """How visitors of the page sign in: by one of ``oidc`` and ``hook``."""

    oidc: OIDCSettings | None = None
    hook: (
        Annotated[str, Field(pattern=r"^[\w.]+:\w+$", examples=["package.module:function"])] | None
    ) = None
    """A function of your own, ``module:function``, that is given each request for a ticket."""
    hours: Annotated[float, Field(ge=0.1, le=720.0)] = 8.0
    """How long somebody who has signed in by ``oidc`` stays so."""
    tell_model: bool = False
    """Whether the model is told the visitor's name."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.oidc is None) == (self.hook is None):
            raise ValueError("give one of oidc and hook")
        return self
