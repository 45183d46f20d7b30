"""What is remembered of callers from one call to the next.

An agent's folder says what and of whom, a profile where it is kept.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from .engine_settings import Section
from .store_address import store_address

Known = Literal["signed_in", "phone"]


class AgentMemory(Section):
    """What an agent remembers (``agent/memory``); nothing where its folder has no such section."""

    callers: list[Known] = ["signed_in"]
    """Who is remembered. A caller's number can be faked by whoever has a trunk of their own: with
    ``phone`` the agent must not tell what only the caller may know."""
    consent: Literal["ask", "given"] = "ask"
    """``ask``: nothing is kept until the caller has agreed to it in a call. ``given``: they have
    agreed elsewhere."""
    facts: Annotated[int, Field(ge=0, le=100)] = 20
    """Most facts of one caller."""
    fact_characters: Annotated[int, Field(ge=20, le=500)] = 160
    """Longest fact."""
    summary_characters: Annotated[int, Field(ge=50, le=2000)] = 500
    """Longest summary of the calls so far."""
    agent: Annotated[str, Field(max_length=100)] = ""
    """Whose memory it is, where several agents share a store and are not to share what they
    know."""


class MemorySettings(AgentMemory):
    """The same with where it is kept, as a profile says it; what an agent says wins."""

    key: Annotated[SecretStr, Field(min_length=32)]
    """Secret by which identities are turned into the keys of the store, 32 characters or more
    (``PARLEY_MEMORY__KEY``). With another one nobody is recognised."""
    store: (
        Annotated[
            str,
            Field(
                pattern=r"^(sqlite:///.+|postgres(ql)?://.+)$",
                examples=["sqlite:///FILE", "postgresql://HOST/DATABASE"],
            ),
            AfterValidator(store_address),
        ]
        | None
    ) = None
    """``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``; a file in the user's
    state folder when not given."""
    days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days after the last call for which it is kept, whoever's memory it is."""
