"""Which models a server has, as it says itself."""

from __future__ import annotations

from typing import Any

import httpx

from .engine_settings import Engine


async def served_models(engine: Engine, within: float) -> list[dict[str, Any]]:
    """Ask for them; each has an ``id`` at least.

    Args:
        engine: The server.
        within: Seconds for each step of the request.

    Raises:
        httpx.HTTPError: It does not answer, or with an error.
        ValueError, KeyError, TypeError: Its answer is of another form.
    """
    headers = {"Authorization": f"Bearer {engine.key}"} if engine.key else {}
    async with httpx.AsyncClient(timeout=within) as client:
        answer = await client.get(f"{engine.url}/models", headers=headers)
        answer.raise_for_status()
        served: list[dict[str, Any]] = answer.json()["data"]
        if not all(isinstance(each, dict) and "id" in each for each in served):
            raise ValueError("its list of models is of another form")
        return served
