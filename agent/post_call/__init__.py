"""After the call: its record, what a model makes of it, and who gets it.

A job puts the record of its call into the :class:`Outbox`, which no crash empties
(:func:`hand_over`, from ``on_session_end``). The :class:`Deliverer` of the agent server has it
summed up, writes it to a folder, a bucket or a database, and posts it to a webhook
(:func:`delivering`).
"""

from __future__ import annotations

from .analysis import form
from .deliverer import Deliverer
from .outbox import Outbox, OutboxError
from .places import Place, places
from .record import About, Record, call_record, iso
from .recording import announced, recording_options
from .serving import delivering, hand_over, hand_over_detail
from .stores import RecordStoreError

__all__ = [
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
]
