"""Idempotency-Key: what is asked for twice under one key is done once, and answered twice.

https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header

The answer is stored in the very transaction of the change it reports. So there is no moment in which the change stands
and its answer does not, wherever the process is killed; and no state "under way" that somebody would have to clear up
after it: whoever asks meanwhile waits for the database's lock, as every writer does, and then finds the answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Response
from sqlalchemy.engine import Engine
from sqlmodel import Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import KEY_LENGTH_MAX, Given, given, keep
from api.errors import ApiError, BadIdempotencyKey, IdempotencyKeyReused
from api.handlers import answer_to
from api.logs import note
from ledger.database import reading, together, writing
from ledger.errors import LedgerError
from traceability.errors import TraceabilityError

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}
"""Tells an answer that was given before from one that was made for this request."""
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_BODY_HASH = "tally.body_hash"
_MEANING = (b"content-type", b"gs1-")
"""How the names of the headers begin that change what a request asks for."""
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_PRINTABLE = re.compile(r"[\x20-\x7e]+")


class _AnsweredMeanwhile(Exception):
    """Another request with the same key has come to its end while this one was on its way to the lock."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Once:
    """Does what one request asks for, once for each key of its party. Without a key, each time.

    `fingerprint` gives the SHA-256 of what is asked, once the body has been read; `now_us` reads this node's clock.
    """

    engine: Engine
    party: bytes
    key: str | None
    fingerprint: Callable[[], bytes]
    now_us: Callable[[], int]

    def __call__(self, act: Callable[[], Response]) -> Response:
        """The answer of `act`, or the one that was given under this key before.

        All that `act` writes is one transaction with its answer, so that it must not wait for the chain or the worker:
        it plans, and answers. Its refusals are answers too, and are given again; what may go better another time
        (status 500 and above) is not. Blocks: call it in a thread. Raises IdempotencyKeyReused, and what `act` raises.
        """
        if self.key is None:
            return act()
        asked = self.fingerprint()
        with reading(self.engine) as session:
            answer = self._given(session, self.key, asked)
        if answer is not None:
            return answer
        try:
            return self._do(act, self.key, asked)
        except _AnsweredMeanwhile as found:
            return found.answer

    def _do(self, act: Callable[[], Response], key: str, asked: bytes) -> Response:
        def look_again(session: Session) -> None:
            answer = self._given(session, key, asked)
            if answer is not None:
                raise _AnsweredMeanwhile(answer)

        try:
            with together(self.engine, look_again):
                answer = act()
                self._keep(answer, key, asked)
        except (LedgerError, TraceabilityError, ApiError) as error:
            answer = answer_to(error)
            if isinstance(error, IdempotencyKeyReused) or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            with together(self.engine, look_again):
                self._keep(answer, key, asked)
        return answer

    def _given(self, session: Session, key: str, asked: bytes) -> Response | None:
        found = given(session, self.party, key)
        if found is None:
            return None
        if found.fingerprint != asked:
            raise IdempotencyKeyReused
        note(replayed=True)
        return Response(found.body, found.status, {**found.headers, **REPLAYED})

    def _keep(self, answer: Response, key: str, asked: bytes) -> None:
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        with writing(self.engine) as session:
            found = Given(asked, answer.status_code, headers, bytes(answer.body))
            keep(session, self.party, key, found, self.now_us())


def key_of(values: Sequence[str]) -> str | None:
    """The key that a request's Idempotency-Key headers say; None without any. Raises BadIdempotencyKey.

    A string in quotation marks, as the draft has it (RFC 8941, 3.3.3), or the same without them, as most send it.
    """
    if not values:
        return None
    if len(values) > 1:
        raise BadIdempotencyKey("it comes more than once")
    key = values[0].strip()
    if key.startswith('"'):
        quoted = _QUOTED.fullmatch(key)
        if quoted is None:
            raise BadIdempotencyKey("it begins with a quotation mark and is no quoted string")
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    if not _PRINTABLE.fullmatch(key):
        raise BadIdempotencyKey("it is empty, or has other characters than printable ASCII")
    if len(key) > KEY_LENGTH_MAX:
        raise BadIdempotencyKey(f"it has {len(key)} characters, {KEY_LENGTH_MAX} at most are taken")
    return key


class BodyHashes:
    """ASGI middleware: what is asked for under a key is hashed while whoever reads the body reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on, and with a key the hash of its body, for `fingerprint_of`."""
        name = HEADER.lower().encode()
        is_changing = scope["type"] == "http" and scope["method"] in CHANGING
        if not is_changing or all(header[0] != name for header in scope["headers"]):
            await self.app(scope, receive, send)
            return
        body = scope[_BODY_HASH] = hashlib.sha256()

        async def overheard() -> Message:
            message = await receive()
            body.update(message.get("body", b""))
            return message

        await self.app(scope, overheard, send)


def fingerprint_of(scope: Scope) -> bytes:
    """The SHA-256 of what a request asks for: method, address, the headers with a meaning, and its body.

    Assumes that whoever wants the body has read it.
    """
    meant = sorted(header for header in scope["headers"] if header[0].startswith(_MEANING))
    parts = [scope["method"].encode(), scope["raw_path"], scope["query_string"]]
    whole = hashlib.sha256()
    for part in [*parts, *(part for header in meant for part in header)]:
        whole.update(len(part).to_bytes(4, "big") + part)
    whole.update(scope[_BODY_HASH].digest())
    return whole.digest()
