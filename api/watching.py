"""Every request has an id, and leaves a line and a count behind. Pure ASGI, for it is on everybody's way."""

from __future__ import annotations

import logging
import re
import secrets
import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.idempotency import CHANGING
from api.logs import begin_request
from api.metrics import meters

HEADER = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
UNKNOWN_ROUTE = "none"
METHODS = CHANGING | {"GET", "HEAD", "OPTIONS"}

_log = logging.getLogger("tally.api")


class Watched:
    """ASGI middleware: the outermost of ours, so that it sees what every other one makes of a request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on, answers with its id, and notes how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        notes = begin_request(_request_id(scope))
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, notes.request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            _note_end(scope, status, time.perf_counter() - begun_s, notes.fields)


def _request_id(scope: Scope) -> str:
    """The id that the client gave, where it is one; else a new one."""
    given = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return given.decode() if _WELL_FORMED.fullmatch(given) else secrets.token_hex(16)


def _note_end(scope: Scope, status: int, seconds: float, fields: dict[str, object]) -> None:
    # What has no route, and methods that nobody knows, are strangers' words: they make no series of their own.
    route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
    method = scope["method"] if scope["method"] in METHODS else "other"
    meters().requests.labels(method, route, status).inc()
    is_failure = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if is_failure or method in CHANGING:
        level = logging.WARNING if is_failure else logging.INFO
        path = scope["path"][:200]
        extra = {"method": method, "path": path, "status": status, "seconds": round(seconds, 6), **fields}
        _log.log(level, "%s %s %d", method, path, status, extra=extra)
