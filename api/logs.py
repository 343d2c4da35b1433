"""What a process says of itself on stderr: one line a matter, for a person at a terminal, else as JSON.

The standard library's logging with two formatters: every library logs through it, and a line is one orjson.dumps. What
belongs to a request bears its id, so that what a client was told (X-Request-ID) leads to what the node did.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

import orjson

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every record of the library has; all else was given as `extra`."""
_SHOWN_MAX = 3
OURS = ("tally", "api", "traceability", "ledger")
"""The loggers of this house: the program's own, and those of its floors' files."""


class LogFormat(StrEnum):
    """How lines are written: `auto` is text where stderr is a terminal, JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


class RequestNotes:
    """What is known of the request that is being answered: its id, and what its routes have noted for its line."""

    __slots__ = ("fields", "request_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.fields: dict[str, Any] = {}


_request: ContextVar[RequestNotes | None] = ContextVar("request", default=None)


def begin_request(request_id: str) -> RequestNotes:
    """From now on what this task logs, and the threads it waits for, belongs to that request."""
    notes = RequestNotes(request_id)
    _request.set(notes)
    return notes


def request_id() -> str | None:
    """The id of the request that is being answered; None outside of one."""
    notes = _request.get()
    return None if notes is None else notes.request_id


def note(**fields: Any) -> None:
    """Adds to the line that the request ends with. Never a secret, never the content of an event. None without one."""
    notes = _request.get()
    if notes is not None:
        notes.fields |= fields


def configure(form: LogFormat, stream: TextIO | None = None) -> None:
    """From now on this process logs to stderr (or `stream`) in that form; of its libraries only the warnings.

    Some tell each request with its address, and an address may hold a password.
    """
    out = sys.stderr if stream is None else stream
    is_text = form is LogFormat.TEXT or (form is LogFormat.AUTO and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(TextLines() if is_text else JsonLines())
    # No line shows them, so that nobody need find them out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, request_id, its extra fields, an error's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        members: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (asked := request_id()) is not None:
            members["request_id"] = asked
        members |= _extra(record)
        if record.exc_info and record.exc_info[0] is not None:
            members["error"] = "".join(traceback.format_exception(*record.exc_info))
        return orjson.dumps(members, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


class TextLines(logging.Formatter):
    """A record for a terminal: the message, and its extra fields behind it, long lists shortened."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line, without its end and the error's traceback."""
        fields = "".join(f" {name}={_short(value)}" for name, value in _extra(record).items())
        return super().formatMessage(record) + fields


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _plain(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        more = f",… ({len(value)})" if len(value) > _SHOWN_MAX else ""
        return ",".join(map(_short, value[:_SHOWN_MAX])) + more
    return f"{value:.3g}" if isinstance(value, float) else _plain(value) if isinstance(value, bytes) else str(value)
