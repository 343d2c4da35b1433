"""The answers that many routes share, as OpenAPI describes them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from api.problems import MEDIA_TYPE

_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457). `code` is stable; `errors` names places in a document.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "eventIndex": {"type": ["integer", "null"]},
                    "path": {"type": "string"},
                    "code": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for these statuses, each a problem."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
        for status in statuses
    }


def json_answer(
    example: Any, description: str = "OK", status: int = 200, kind: str = "application/json"
) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a JSON answer, with an example of it."""
    shape = "array" if isinstance(example, list) else "object"
    content = {kind: {"schema": {"type": shape}, "example": example}}
    return {status: {"description": description, "content": content}}
