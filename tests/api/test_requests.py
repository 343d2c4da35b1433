"""How a request is read: Accept, Content-Type, and a body that is cut off where it grows too large."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from api.errors import BodyTooLarge, NotAcceptable, WrongContentType
from api.requests import media_type, negotiate, read_body

OFFERED = ("application/json", "text/html")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        (BROWSER, "text/html"),
        ("application/json", "application/json"),
        ("text/html;q=0.4, application/json;q=0.5", "application/json"),
        ("text/html;q=0.6, application/json;q=0.5", "text/html"),
        ("text/*, application/json;q=0.9", "text/html"),
        ("*/*;q=0.1, application/json;q=0", "text/html"),
        ("TEXT/HTML", "text/html"),
        ("text/html;level=1", "text/html"),
    ],
)
def test_the_form_with_the_highest_weight_is_given(accept: str | None, chosen: str) -> None:
    assert negotiate(accept, OFFERED) == chosen


@pytest.mark.parametrize("accept", ["application/xml", "text/html;q=0", "text/html;q=nonsense", "image/*", ","])
def test_an_accept_that_leaves_nothing_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/json, text/html"):
        negotiate(accept, OFFERED)


def test_parameters_of_a_content_type_do_not_matter() -> None:
    assert media_type("Application/JSON; charset=utf-8", OFFERED) == "application/json"


@pytest.mark.parametrize("given", [None, "", "application/xml", "json"])
def test_another_content_type_is_refused_with_those_that_are_taken(given: str | None) -> None:
    with pytest.raises(WrongContentType, match="application/json, text/html"):
        media_type(given, OFFERED)


def test_a_body_within_the_limit_is_read_whole() -> None:
    assert asyncio.run(read_body(chunks(b"abc", b"", b"de"), "5", 5)) == b"abcde"


def test_a_body_that_declares_too_much_is_refused_unread() -> None:
    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(chunks(), "6", 5))


def test_a_body_without_a_length_is_cut_off_as_soon_as_it_is_too_large() -> None:
    seen: list[bytes] = []
    with pytest.raises(BodyTooLarge, match="larger than 5 bytes"):
        asyncio.run(read_body(chunks(b"abc", b"def", b"never read", seen=seen), None, 5))
    assert seen == [b"abc", b"def"]


async def chunks(*parts: bytes, seen: list[bytes] | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        if seen is not None:
            seen.append(part)
        yield part
