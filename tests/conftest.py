"""What every test run ends with."""

from __future__ import annotations

from livekit.rtc._ffi_client import FfiClient


def pytest_unconfigure() -> None:
    """Stop LiveKit's native threads while Python is still whole.

    One that reports an event while the interpreter ends cannot take its lock, and its way out
    aborts the process (exit status 134 after the last of 135 passed tests, seen once). The
    library's own hook at exit comes too late for one that waits at that moment.
    """
    if FfiClient._instance is not None:
        FfiClient._instance._dispose()
