"""The address of a file as a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.store_address import file_address, file_at, store_address


@pytest.mark.parametrize(
    "path", ["/srv/parley.sqlite3", "kept/here.db", "/a b/#1?.db", "/50%23/x.db", "/户/@.db"]
)
def test_the_address_of_a_file_is_that_of_no_other(path: str) -> None:
    assert file_at(store_address(file_address(Path(path)))) == Path(path)
