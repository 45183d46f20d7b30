from __future__ import annotations

import pytest

from .barge_in.overlapping import World


@pytest.fixture
def world() -> World:
    world = World()
    world.speak()
    return world
