"""The endpoint of the page, described for programs (``/openapi.json``)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from agent.languages import LANGUAGES
from agent.refusal import described
from agent.stand_ins import ENGINES

from . import tokens

_TICKET = {
    "url": "Address of the LiveKit server.",
    "token": "What opens the room, once, within half a minute.",
    "room": "Its name.",
    "identity": "Whom the ticket is for.",
}
_AGENT: dict[str, Any] = {
    "name": {"type": "string"},
    "title": {"type": "string"},
    "voices": {
        "description": "Those to choose from, beside the usual one.",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name", "languages"],
            "properties": {
                "name": {"type": "string"},
                "languages": {
                    "description": "Those that it speaks; null for all.",
                    "type": ["array", "null"],
                    "items": {"enum": [*LANGUAGES]},
                },
            },
            "additionalProperties": False,
        },
    },
    "logo": {"description": "Address of its picture.", "type": ["string", "null"]},
    "color": {"description": "Of the page, #rrggbb.", "type": ["string", "null"]},
    "color_dark": {"description": "The same by night.", "type": ["string", "null"]},
    "spoken": {
        "description": "In which language it answers whoever has chosen one; empty if as usual.",
        "type": "object",
        "propertyNames": {"enum": [*LANGUAGES]},
        "additionalProperties": {"enum": [*LANGUAGES]},
    },
}
_REFUSALS = {
    "400": "Malformed.",
    "401": "Nobody has signed in, where one has to.",
    "403": "Asked for by a page of another site, or by somebody who is not let in.",
    "408": "Too slow to arrive.",
    "413": "Too long.",
    "421": "Asked for under a name that is not this server's.",
    "429": "Too many from this address; see Retry-After.",
    "503": "Every place is taken, or a server does not answer that has to.",
}


def document(agents: Collection[str] = ()) -> dict[str, Any]:
    """The interface in OpenAPI 3.1.

    Args:
        agents: Names of the agents that may be asked for.
    """
    wanted = tokens.Request.model_json_schema()
    wanted["properties"]["agent"] = {"enum": [*agents, None], "default": None}
    ticket = {
        "type": "object",
        "required": [*_TICKET],
        "properties": {
            name: {"type": "string", "description": text} for name, text in _TICKET.items()
        },
        "additionalProperties": False,
    }
    ask = {
        "description": "A ticket into a fresh room, where the agent is called.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": wanted}},
        },
        "responses": {
            "200": {
                "description": "The ticket.",
                "content": {"application/json": {"schema": ticket}},
            },
            **{code: described(text) for code, text in _REFUSALS.items()},
            "404": described("There is no such agent, or it has no such voice."),
        },
    }
    who = {
        "type": "object",
        "required": ["sign_in", "name"],
        "properties": {
            "sign_in": {
                "description": "Where one signs in, and whether the page can sign one out.",
                "type": ["object", "null"],
                "required": ["address", "leaves"],
                "properties": {"address": {"type": "string"}, "leaves": {"type": "boolean"}},
                "additionalProperties": False,
            },
            "name": {"description": "Who has signed in.", "type": ["string", "null"]},
        },
        "additionalProperties": False,
    }
    visitor = {
        "description": "Whether a visitor has to sign in, and who has.",
        "responses": {
            "200": {"description": "It.", "content": {"application/json": {"schema": who}}},
            "403": described("Somebody who is not let in."),
            "421": described(_REFUSALS["421"]),
            "429": described(_REFUSALS["429"]),
            "503": described("Who has signed in cannot be looked up."),
        },
    }
    names = {
        "type": "object",
        "required": ["agents"],
        "properties": {
            "agents": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": [*_AGENT],
                    "properties": _AGENT,
                    "additionalProperties": False,
                },
            }
        },
        "additionalProperties": False,
    }
    listed = {
        "description": "Who may be spoken with, the usual one first.",
        "responses": {
            "200": {
                "description": "Their names, and what people call them.",
                "content": {"application/json": {"schema": names}},
            }
        },
    }
    each: dict[str, Any] = {
        "type": "object",
        "required": [*ENGINES, "stand_in"],
        "properties": {
            **dict.fromkeys(ENGINES, {"type": ["string", "null"]}),
            "stand_in": {
                "description": "Whether the language model is a small one on the processor.",
                "type": "boolean",
            },
        },
        "additionalProperties": False,
    }
    models = {
        "description": "Which models answer, as their servers say it.",
        "parameters": [
            {
                "name": "agent",
                "in": "query",
                "description": "Whose; those of the usual one if it is left out, or unknown.",
                "schema": {"type": "string"},
            }
        ],
        "responses": {
            "200": {
                "description": "Their names; null where a server does not say it.",
                "content": {"application/json": {"schema": each}},
            },
            "421": described(_REFUSALS["421"]),
        },
    }
    healthy = {"description": "It does.", "content": {"application/json": {}}}
    health = {"description": "Whether it serves.", "responses": {"200": healthy}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley page", "version": "1"},
        "paths": {
            "/api/token": {"post": ask},
            "/api/visitor": {"get": visitor},
            "/api/agents": {"get": listed},
            "/api/models": {"get": models},
            "/health": {"get": health},
        },
    }
