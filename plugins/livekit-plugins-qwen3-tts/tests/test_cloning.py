"""A voice from a recording."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from livekit.plugins.qwen3_tts import TTS

from .conftest import Start


async def test_a_voice_is_cloned(
    start_server: Start, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    server = await start_server()
    recording = tmp_path / "me.wav"
    recording.write_bytes(b"RIFFwav")
    tts = TTS(base_url=server.url, ref_audio=recording, ref_text="It is me.", http_session=session)
    await tts.synthesize("Hello.").collect()
    body = server.requests[-1].body
    assert body["task_type"] == "Base"
    assert body["ref_audio"] == "data:audio/wav;base64,UklGRndhdg=="
    assert body["ref_text"] == "It is me."
    await tts.aclose()
    tts = TTS(
        base_url=server.url,
        speaker_embedding=[0.5, 0.25],
        x_vector_only_mode=True,
        extra_body={"seed": 7},
        http_session=session,
    )
    await tts.synthesize("Hello.").collect()
    body = server.requests[-1].body
    assert (body["speaker_embedding"], body["x_vector_only_mode"], body["seed"]) == (
        [0.5, 0.25],
        True,
        7,
    )
    await tts.aclose()


async def test_a_voice_is_uploaded_to_every_server(
    start_server: Start, session: aiohttp.ClientSession
) -> None:
    servers = [await start_server(), await start_server()]
    tts = TTS(base_url=[server.url for server in servers], http_session=session)
    await tts.upload_voice("me", b"RIFFwav", consent="c-1", ref_text="It is me.")
    for server in servers:
        (upload,) = server.uploads
        for part in (b"me", b"RIFFwav", b"c-1", b"It is me."):
            assert part in upload.form
    await tts.aclose()
