"""What each package of the agent offers to the others: no more, no less."""

from __future__ import annotations

import importlib

import pytest

EXPORTS = {
    "agent.stack": {"Server", "Stack", "StackError"},
    "agent.knowledge": {
        "Folder",
        "Knowledge",
        "KnowledgeError",
        "Passage",
        "informed_answer",
        "lookup_tool",
    },
    "agent.memory": {
        "Caller",
        "CallerMemory",
        "Confirm",
        "Entry",
        "MemoryStore",
        "MemoryStoreError",
        "expire",
        "open_store",
    },
    "agent.post_call": {
        "About",
        "Deliverer",
        "Outbox",
        "OutboxError",
        "Place",
        "Record",
        "RecordStoreError",
        "announced",
        "call_record",
        "delivering",
        "form",
        "hand_over",
        "hand_over_detail",
        "iso",
        "places",
        "recording_options",
    },
    "agent.models": {"ModelError", "called", "locate"},
    "agent.recovery": {
        "CallBook",
        "CallRecord",
        "Continuation",
        "DeathWatch",
        "Dispatcher",
        "Farewell",
        "StoreError",
        "open_book",
        "is_there",
        "somebody_waits",
    },
    "agent.telephony": {
        "CallControl",
        "Details",
        "Dialler",
        "HungUp",
        "NoAnswer",
        "NotAllowed",
        "User",
        "connect_user",
        "mask_logs",
    },
    "agent.telemetry": {
        "STAGES",
        "TOPIC_TURN",
        "Answerer",
        "Fallback",
        "Fault",
        "FaultKind",
        "FirstWords",
        "Overlap",
        "Record",
        "RoomPublisher",
        "Turn",
        "TurnRecorder",
        "TurnSpans",
        "prometheus",
        "spans",
    },
    "agent.web": {"create_app"},
}


@pytest.mark.parametrize("package", EXPORTS)
def test_a_package_exports_what_is_listed(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) == EXPORTS[package]
    assert all(hasattr(module, name) for name in EXPORTS[package])
