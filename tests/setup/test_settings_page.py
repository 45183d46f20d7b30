"""docs/settings.md has every key, as the code has it."""

from __future__ import annotations

from scripts import make_settings_page


def test_the_page_is_of_these_settings() -> None:
    made = make_settings_page.page()
    assert make_settings_page.PAGE.read_text("utf-8") == made, (
        "run uv run scripts/make_settings_page.py"
    )


def test_every_key_is_explained() -> None:
    keys = [line for line in make_settings_page.page().splitlines() if line.startswith("| `")]
    for key in ("llm.base_url", "phone.destinations.NAME.address", "mcp_servers.NAME.allow"):
        assert any(line.startswith(f"| `{key}` | ") for line in keys)
    assert [line for line in keys if line.endswith("|  |")] == []
