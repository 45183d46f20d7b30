"""Where the makers of a model publish its files: asked first, where it can be reached."""

from __future__ import annotations

import contextlib
import re
import threading
from functools import cache
from urllib.parse import urlsplit

import httpx

PROBE_SECONDS = 5.0
"""Longest wait for a first answer. Without a network, to look a name up alone may take half a
minute in vain."""

_HUB = re.compile(r"hf://(?P<repository>[^/@]+/[^/@]+)@(?P<revision>[^/]+)/(?P<path>.+)")


def address(origin: str) -> str:
    """The address of an origin: of ``hf://OWNER/REPOSITORY@REVISION/PATH`` that on the model hub.

    Args:
        origin: An address, or a file of the hub.
    """
    if not (found := _HUB.fullmatch(origin)):
        return origin
    from huggingface_hub import hf_hub_url  # 0.4 s, for whoever fetches something

    return hf_hub_url(found["repository"], found["path"], revision=found["revision"])


def answers(url: str) -> bool:
    """Whether the server of an address can be reached; each is asked once."""
    parts = urlsplit(url)
    return _answers(f"{parts.scheme}://{parts.netloc}/")


@cache
def _answers(server: str) -> bool:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE and server.rstrip("/") == constants.ENDPOINT:
        return False
    reached = threading.Event()
    ended = threading.Event()

    def ask() -> None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.head(server, timeout=PROBE_SECONDS).status_code < 500:
                reached.set()
        ended.set()

    # A daemon: looking a name up cannot be stopped, and setting up must not wait for it.
    threading.Thread(target=ask, name="origin", daemon=True).start()
    ended.wait(PROBE_SECONDS)
    return reached.is_set()
