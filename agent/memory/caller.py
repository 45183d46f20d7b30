"""Who is remembered: somebody whose identity was shown, by a key that does not tell who it is."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from ..memory_settings import Known, MemorySettings

_NUMBER = re.compile(r"\+?[0-9]{3,15}", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """An identity."""

    known: Known
    """How it is known."""
    id: str
    """Of somebody who signed in, what whoever signed them in knows them by; of a caller by phone,
    their number."""

    @classmethod
    def of(cls, *, visitor: str | None = None, number: str | None = None) -> Caller | None:
        """Whoever signed in, or else who calls; None if neither is known.

        Args:
            visitor: Identifier of whoever signed in (``agent.visitor``).
            number: Number of the caller, as LiveKit's SIP service tells it.
        """
        if visitor:
            return cls("signed_in", visitor)
        plain = re.sub(r"[\s()./-]", "", number or "")
        return cls("phone", plain) if _NUMBER.fullmatch(plain) else None

    def key(self, settings: MemorySettings) -> str:
        """What the store knows them by: an HMAC, which nobody can turn back or make by guessing.

        Phone numbers are so few that a plain hash of each could be tried.
        """
        told = "\0".join((settings.agent, self.known, self.id)).encode()
        secret = settings.key.get_secret_value().encode()
        return hmac.new(secret, told, hashlib.sha256).hexdigest()
