"""What a turn took and why: one record a turn, for logs, the room, Prometheus and OpenTelemetry."""

from . import prometheus, spans
from .engines import Answerer, Fallback, Fault, FaultKind
from .publisher import TOPIC_TURN, RoomPublisher
from .recorder import FirstWords, Overlap, Record, TurnRecorder
from .spans import TurnSpans
from .turn import STAGES, Turn

__all__ = [
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
]
