"""Pages as answers: templates filled with escaped values, and headers that let nothing foreign in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

FOLDER = Path(__file__).resolve().parent
HEADERS = {
    # No script at all, styles from here only: even a mistake in a template could run nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_templates = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _with_code(text: str) -> Markup:
    """A text in which `words` in backticks are set as code. What is in it is escaped first."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped right here


_templates.filters["with_code"] = _with_code


def page(template: str, status: int = 200, **values: Any) -> Response:
    """The page as an answer. Every value is escaped."""
    html = _templates.get_template(template).render(**values)
    return Response(html, status, HEADERS, "text/html; charset=utf-8")


def stylesheet() -> bytes:
    """The one stylesheet of all pages."""
    return (FOLDER / "style.css").read_bytes()
