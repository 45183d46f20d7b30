"""What is kept of a call once it is over, and who is told.

An agent's folder says what its records hold, a profile where they go.
"""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from .engine_settings import Secret, Section
from .json_schema import check_schema
from .languages import Language
from .store_address import store_address


class S3Settings(Section):
    """A bucket of an S3-compatible store."""

    bucket: str
    """Its name."""
    prefix: str = ""
    """Folder in it."""
    endpoint: HttpUrl | None = None
    """Address of the service; Amazon's when not given."""
    region: str = "us-east-1"
    """Where it is; many services of others take any."""
    access_key_id: str | None = None
    """Name of the key; with the secret from ``AWS_ACCESS_KEY_ID`` and the like when not given, or
    from the machine's role."""
    secret_access_key: Secret | None = None
    """Its secret (``PARLEY_POST_CALL__S3__SECRET_ACCESS_KEY``)."""


class WebhookSettings(Section):
    """Who is told of each call, in the format of Standard Webhooks."""

    url: HttpUrl
    """Address that records are posted to. Redirections are not followed."""
    secret: SecretStr
    """Key of the signature, ``whsec_`` and 24 to 64 bytes in base64
    (``PARLEY_POST_CALL__WEBHOOK__SECRET``)."""

    @field_validator("secret")
    @classmethod
    def _is_key(cls, secret: SecretStr) -> SecretStr:
        written = secret.get_secret_value().removeprefix("whsec_")
        try:
            key = base64.b64decode(written, validate=True)
        except binascii.Error as e:
            raise ValueError("must be whsec_ and base64") from e
        if not 24 <= len(key) <= 64:
            raise ValueError("must have from 24 to 64 bytes in base64")
        return secret


class AgentPostCall(Section):
    """What an agent's records hold, as its folder says it."""

    summary: bool = True
    """Have the model sum the call up."""
    outcome: dict[str, Any] | None = None
    """JSON schema of an object whose fields the model fills in from what was said; none when not
    given."""
    numbers: bool = False
    """Put the caller's number into the record."""
    recording: bool = False
    """Record what is said, the caller on one channel and the agent on the other, and say so first;
    for the folder or the bucket."""
    announcement: dict[Language, str] = {}
    """What is said first of a call that is recorded; "This call is recorded." and the like where
    none is given."""

    @field_validator("outcome")
    @classmethod
    def _is_schema(cls, outcome: dict[str, Any] | None) -> dict[str, Any] | None:
        if outcome is not None:
            check_schema(outcome)
        return outcome


class PostCallSettings(AgentPostCall):
    """The same with where records go (``agent/post_call``), as a profile says it.

    There are none where this section is missing. What an agent says wins.
    """

    folder: Path | None = None
    """Where records are written, in a folder for each day."""
    s3: S3Settings | None = None
    """The same in a bucket, beside the folder or in its place."""
    database: SecretStr | None = None
    """The same, without recordings, in a table ``parley_records``: ``sqlite:///PATH`` or
    ``postgresql://USER:PASSWORD@HOST/DATABASE`` (``PARLEY_POST_CALL__DATABASE``)."""
    webhook: WebhookSettings | None = None
    """Who is told; nobody when not given."""
    details: bool = True
    """Keep a call detail record of each attempt to call by phone, in and out, also of those that
    nobody answered."""
    days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days for which records and recordings stay in the folder and in the database. A bucket has
    rules of its own."""

    @field_validator("database")
    @classmethod
    def _is_database(cls, database: SecretStr | None) -> SecretStr | None:
        written = database.get_secret_value() if database else ""
        if database is not None and not re.fullmatch(r"sqlite:///.+|postgres(ql)?://.+", written):
            raise ValueError("must be sqlite:///PATH or postgresql://HOST/DATABASE")
        if database is not None:
            store_address(written)
        return database

    @model_validator(mode="after")
    def _has_place(self) -> Self:
        if self.recording and not (self.folder or self.s3):
            raise PydanticCustomError("no_place", "recording needs a folder or s3 for the sound")
        return self
