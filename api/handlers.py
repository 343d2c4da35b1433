"""Whatever goes wrong in a request, answered as a problem (api/problems.py says which)."""

from __future__ import annotations

import logging
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.errors import ApiError, BodyTooLarge
from api.logs import request_id
from api.problems import IMPLEMENTATION, MEDIA_TYPE, NO_SUCH_NAME, VALIDATION, Problem, problem_of
from ledger.errors import ChainError, DatabaseNotWritable, LedgerError
from traceability.errors import TraceabilityError

RETRY_AFTER_S = 5
_log = logging.getLogger("tally.api")


def respond(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The problem as an answer."""
    return Response(orjson.dumps(problem.to_json()), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Makes the app answer with problem details whatever goes wrong."""
    for base in (LedgerError, TraceabilityError, ApiError):
        app.add_exception_handler(base, _answer_named)
    app.add_exception_handler(RequestValidationError, _answer_bad_parameters)
    app.add_exception_handler(HTTPException, _answer_http)
    for refusal in (OperationalError, PoolTimeout):
        app.add_exception_handler(refusal, _answer_database)
    app.add_exception_handler(Exception, _answer_unforeseen)


def _answer_named(_: Request, error: Exception) -> Response:
    return answer_to(error)


def answer_to(error: Exception) -> Response:
    """The answer to a request that ended in a named error of any floor."""
    problem = problem_of(error)
    headers = {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ChainError) and error.is_retryable:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if isinstance(error, BodyTooLarge):
        # The rest of the body was not read, so that the connection can't be used again.
        headers |= {"GS1-EPCIS-Capture-File-Size-Limit": str(error.bytes_max), "Connection": "close"}
    return respond(problem, headers)


def _answer_bad_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return respond(Problem(400, VALIDATION, "A parameter is wrong", wrong, "bad_parameter"))


def _answer_http(_: Request, error: Exception) -> Response:
    """Starlette's own: no such route, wrong method."""
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    code = title.lower().replace(" ", "_")
    type_uri = NO_SUCH_NAME if error.status_code == HTTPStatus.NOT_FOUND else f"/problems/{code}"
    return respond(Problem(error.status_code, type_uri, title, error.detail, code), dict(error.headers or {}))


def _answer_database(_: Request, error: Exception) -> Response:
    """Locked for too long, full, or out of reach: nothing was done, and another time it may go better."""
    reason = str(getattr(error, "orig", None) or "no connection is free").splitlines()[0]
    _log.warning("the database refuses: %s", reason)
    answer = answer_to(DatabaseNotWritable(reason))
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _answer_unforeseen(_: Request, __: Exception) -> Response:
    """A mistake of ours. The server's log has the traceback; the client is told nothing of the inside."""
    detail = "the node made a mistake; its log has the details. What was answered before stays true"
    # This answer is made outside of all middleware, which would have named the request.
    headers = {"X-Request-ID": named} if (named := request_id()) else None
    return respond(Problem(500, IMPLEMENTATION, "A mistake of the node", detail, "internal_error"), headers)
