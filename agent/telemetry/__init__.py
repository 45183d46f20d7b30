"""What a turn took, told to whoever is in the room."""

from .turns import TOPIC_TURN, TurnPublisher

__all__ = ["TOPIC_TURN", "TurnPublisher"]
