"""How a request is read: its path undecoded, its Accept header, its body up to a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from urllib.parse import unquote

from fastapi import Path
from pydantic import AfterValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import BodyTooLarge, NotAcceptable, WrongContentType


class RawPaths:
    """ASGI middleware: routes are matched on the path as it was sent.

    Servers decode a path before they hand it on, and then `%2F` within a hash ID (`ni:///sha-256;…?ver=CBV2.0`) can't
    be told from a separator. A path parameter is decoded after matching: see PathText.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on with its raw path."""
        if scope["type"] == "http" and scope.get("raw_path"):
            scope["path"] = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        await self.app(scope, receive, send)


def _decoded(text: str) -> str:
    """The text that a path segment's percent-encoding spells, which has to be UTF-8 (RFC 3986, 2.1; RFC 3987)."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise ValueError("the percent-encoding is not UTF-8") from error


PathText = Annotated[str, Path(max_length=2048, description="percent-encoded as a whole"), AfterValidator(_decoded)]
"""A path parameter, percent-decoded once."""


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """The media type of `offered` that the Accept header likes best (RFC 9110, 12.5.1); the first of equals.

    Raises NotAcceptable where it rules out all of them.
    """
    if not accept:
        return offered[0]
    ranges = [_media_range(text) for text in accept.split(",") if text.strip()]
    ranked = sorted(((_quality(kind, ranges), -place, kind) for place, kind in enumerate(offered)), reverse=True)
    quality, _, best = ranked[0]
    if quality <= 0:
        raise NotAcceptable(accept[:200], tuple(offered))
    return best


def media_type(content_type: str | None, taken: tuple[str, ...]) -> str:
    """The media type of a Content-Type header without its parameters. Raises WrongContentType unless it is taken."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind not in taken:
        raise WrongContentType((content_type or "")[:100], taken)
    return kind


async def read_body(chunks: AsyncIterator[bytes], declared: str | None, bytes_max: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as its declared length or what has come exceeds `bytes_max`."""
    if declared and declared.isdecimal() and int(declared) > bytes_max:
        raise BodyTooLarge(bytes_max)
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > bytes_max:
            raise BodyTooLarge(bytes_max)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _media_range(text: str) -> tuple[str, float]:
    """A range of an Accept header and its weight; one that can't be read weighs nothing."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, min(1.0, max(0.0, float(value)))
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def _quality(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that covers the media type; 0 where none does."""
    weights = dict(ranges)
    for candidate in (kind, kind.partition("/")[0] + "/*", "*/*"):
        if candidate in weights:
            return weights[candidate]
    return 0.0
