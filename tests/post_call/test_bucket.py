"""A bucket of an S3-compatible store: what is sent is checked as such a store does."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agent.post_call import RecordStoreError
from agent.post_call.stores import S3Store
from agent.post_call_settings import S3Settings

NO_SOUND = Path("none.ogg")
SECRET = "wJalrXUtnFEMI"


def signed(request: web.Request) -> bool:
    """Whether a request has the signature (Signature Version 4) of the secret."""
    told = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=key/(\d{8})/(\S+)/s3/aws4_request, SignedHeaders=(\S+),"
        r" Signature=(\w+)",
        request.headers.get("Authorization", ""),
    )
    if told is None:
        return False
    day, region, names, signature = told.groups()
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
    content = request.headers["x-amz-content-sha256"]
    canonical = f"{request.method}\n{request.raw_path}\n\n{headers}\n{names}\n{content}"
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{SECRET}".encode()
    for part in (day, region, "s3", "aws4_request", to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), signature)


@contextlib.asynccontextmanager
async def bucket(status: int = 200) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A store on this machine: its address, and what was written by its path."""
    kept: dict[str, Any] = {}

    async def put(request: web.Request) -> web.Response:
        body = await request.read()
        if not signed(request):
            return web.Response(status=403)
        if request.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD":
            assert hashlib.sha256(body).hexdigest() == request.headers["x-amz-content-sha256"]
        if status == 200:
            what = json.loads(body) if request.path.endswith(".json") else body
            kept[request.path] = (request.content_type, what)
        return web.Response(status=status, headers={"ETag": '"1"'})

    app = web.Application()
    app.router.add_put("/{path:.*}", put)
    async with TestServer(app) as server:
        yield str(server.make_url("/")), kept


def settings(endpoint: str, secret: str = SECRET) -> S3Settings:
    return S3Settings.model_validate(
        {
            "bucket": "calls",
            "prefix": "clerk",
            "endpoint": endpoint,
            "region": "eu-central-1",
            "access_key_id": "key",
            "secret_access_key": secret,
        }
    )


async def test_a_record_is_put_into_the_bucket(record: dict[str, Any]) -> None:
    async with bucket() as (endpoint, kept):
        store = S3Store(settings(endpoint))
        await store.write(record, NO_SOUND)
        await store.write({**record, "summary": "Again."}, NO_SOUND)
    assert kept == {
        "/calls/clerk/2026-11-29/call_AJ_1.json": (
            "application/json",
            {**record, "summary": "Again."},
        )
    }


async def test_a_recording_is_put_beside_it(record: dict[str, Any], tmp_path: Path) -> None:
    sound = tmp_path / "sound.ogg"
    sound.write_bytes(b"OggS" * 1000)
    recorded = {**record, "recording": {"at": 0.0, "bytes": 4000}}
    async with bucket() as (endpoint, kept):
        await S3Store(settings(endpoint)).write(recorded, sound)
    assert list(kept.values()) == [
        ("audio/ogg", b"OggS" * 1000),
        ("application/json", recorded),
    ]
    assert list(kept) == [f"/calls/clerk/2026-11-29/call_AJ_1.{kind}" for kind in ("ogg", "json")]


@pytest.mark.parametrize(("status", "secret"), [(200, "wrong"), (503, SECRET)])
async def test_a_bucket_that_takes_nothing_is_told(
    record: dict[str, Any], status: int, secret: str
) -> None:
    async with bucket(status) as (endpoint, kept):
        with pytest.raises(RecordStoreError, match="cannot be written") as raised:
            await S3Store(settings(endpoint, secret)).write(record, NO_SOUND)
    assert "\n" not in str(raised.value)
    assert kept == {}


async def test_a_bucket_that_is_away_is_told(record: dict[str, Any]) -> None:
    with pytest.raises(RecordStoreError, match="cannot be written"):
        await S3Store(settings("http://127.0.0.1:9")).write(record, NO_SOUND)


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(RecordStoreError, match="s3 extra"):
        S3Store(settings("http://127.0.0.1:9"))
