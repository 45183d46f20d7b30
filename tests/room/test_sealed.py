"""Nothing leaves the machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.room, pytest.mark.timeout(240)]

_UNSHARE = ["unshare", "--net", "--map-root-user"]


@pytest.mark.skipif(
    subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
    reason="this kernel gives no network namespace to an ordinary user",
)
def test_a_conversation_sends_no_packet_off_the_machine() -> None:
    result = subprocess.run(
        [*_UNSHARE, sys.executable, "-m", "tests.room.sealed"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=200,
    )
    report = json.loads(result.stdout.splitlines()[-1])
    assert report["probe"].startswith("198.51.100.7:9")
    assert report["answer"]  # whatever the small models made of the question
    assert report["left"] == []
    # Nor does a web site that the user visits get anything out of the engines.
    for asked, (status, leave) in report["site"].items():
        assert not leave, asked
        assert status in (401, 403) or asked.startswith("OPTIONS"), (asked, status)
