from __future__ import annotations

import pytest

from .overlapping import World


@pytest.fixture
def world() -> World:
    world = World()
    world.speak()
    return world
