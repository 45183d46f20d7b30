"""Twilio: its pages "Media Streams - WebSocket Messages" and "Webhooks Security"."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

from agent.settings import BridgeSettings

from .media_events import ULAW, EventDialect
from .media_messages import MessageError, Sent, Start
from .requests import Refused


class Twilio(EventDialect):
    """The messages of a stream of Twilio's ``<Connect><Stream>``, and of what speaks like it."""

    stream_field = "streamSid"
    format_field = "mediaFormat"
    rate_field = "sampleRate"
    parameters_field = "customParameters"
    coders = {"audio/x-mulaw": ULAW}

    def _started(self, fields: Mapping[str, Any]) -> Start:
        start = super()._started(fields)
        tracks = fields["start"].get("tracks")
        if isinstance(tracks, list) and tracks and "inbound" not in tracks:
            raise MessageError("start.tracks: there is no inbound track, which has the caller")
        return start

    def _sent(self, event: str, **fields: Any) -> Sent:
        return {"event": event, "streamSid": self.stream, **fields}


def check(headers: Mapping[str, str], token: str, settings: BridgeSettings) -> None:
    """Make sure that Twilio opens a stream.

    It signs the address as we gave it (base64 of HMAC-SHA1 with its token), which behind a proxy is
    not the one that arrives here.

    Raises:
        Refused: Somebody else does.
    """
    digest = hmac.digest(token.encode(), str(settings.stream_url).encode(), "sha1")
    given = headers.get("x-twilio-signature", "")
    if not hmac.compare_digest(given.encode(), base64.b64encode(digest)):
        raise Refused(403, "bad_signature", "X-Twilio-Signature is not that of our token.")
