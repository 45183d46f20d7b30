"""Whatever is wrong in agent.yaml is said in a sentence: a row for each setting that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from agent import settings
from agent.definition.loading import load_agent
from agent.definition.settings import AgentSettings
from agent.settings import SettingsError

from .conftest import Folder

ROWS = yaml.safe_load(Path(__file__).with_name("wrong_settings.yaml").read_text("utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=[str(row["says"])[:60] for row in ROWS])
def test_it_is_said_which_setting_is_wrong_and_what_is_allowed(
    folder: Folder, row: dict[str, Any]
) -> None:
    shop = folder(**row["says"])
    with pytest.raises(SettingsError) as raised:
        load_agent(str(shop), settings.load("cpu"))
    said = str(raised.value).replace(f"{shop}/", "").removeprefix(f"{shop}: ")
    said = re.sub(rf"^Wrong setting in (agent\.yaml(, line [0-9]+)?|{shop}): ", "", said)
    assert said == f"{row['told']}."


def test_there_is_a_row_for_each_setting() -> None:
    given = {path for row in ROWS for path in paths(row["says"])}
    assert fields(AgentSettings) <= given


def fields(model: type[BaseModel], within: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The names of all settings; that of an entry, which is its owner's to choose, left out."""
    found: set[tuple[str, ...]] = set()
    for name, field in model.model_fields.items():
        found.add((*within, name))
        kinds = [field.annotation, *get_args(field.annotation)]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= fields(kind, (*within, name))
    return found


def paths(says: object, within: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The names of the settings in a row, as :func:`fields` has them."""
    if not isinstance(says, dict):
        return
    for name, value in says.items():
        yield (*within, name)
        if within in (("http_tools",), ("mcp_servers",)):
            yield from paths(value, within)
        else:
            yield from paths(value, (*within, name))
