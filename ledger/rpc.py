"""JSON-RPC over HTTP, to whom a chain's node listens. Every failure is a ChainError with a reason; nothing is retried.

An answer counts only if it carries the id of its question: one that comes late, twice or out of order never passes
for another's. Written out because web3.py's provider takes any id, and costs ten times as much a call.
https://www.jsonrpc.org/specification
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from ledger.abi import refusal_in_words
from ledger.errors import ChainError, ChainReason

Question = tuple[str, Sequence[Any]]
"""A method and its parameters."""

QUESTIONS_MAX = 200
"""Questions in one HTTP request: public nodes take 100 to 1,000."""
ANSWER_BYTES_MAX = 64 * 2**20

_REASONS = (
    (ChainReason.NONCE_TOO_LOW, ("nonce too low", "nonce is too low", "oldnonce")),
    (ChainReason.ALREADY_KNOWN, ("already known", "already imported", "known transaction", "already exists")),
    (ChainReason.UNDERPRICED, ("underpriced", "less than block base fee", "fee too low", "gas price too low")),
    (ChainReason.INSUFFICIENT_FUNDS, ("insufficient funds", "insufficient balance")),
    (ChainReason.TOO_MUCH, ("block range", "too many", "limit exceeded", "more than", "response size", "too large")),
    (ChainReason.REVERTED, ("revert",)),
)
"""JSON-RPC has no codes for these: what geth, Erigon, Nethermind, Besu, Reth and Anvil say, in lower case."""


class _Line:
    """One thread's connection, closed when nobody holds it any more, and the id of its next question."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection, self.next_id = connection, 1

    def __del__(self) -> None:
        self.connection.close()


class Rpc:
    """A node by its address. Threads may share one: each has a connection of its own."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ChainError(ChainReason.UNREACHABLE, f"{url!r} is no http:// or https:// address of a chain's node")
        self.url = url
        self._make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._where = (parts.hostname, parts.port)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout_s = timeout_s
        self._local = threading.local()

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """The results in the order of the questions. Raises ChainError if one is refused, or none comes."""
        results: list[Any] = []
        for start in range(0, len(questions), QUESTIONS_MAX):
            results += self._ask(questions[start : start + QUESTIONS_MAX])
        return results

    def close(self) -> None:
        """Ends this thread's connection. The next question opens another."""
        self._line().connection.close()

    def _line(self) -> _Line:
        if not hasattr(self._local, "line"):
            self._local.line = _Line(self._make(*self._where, timeout=self._timeout_s))
        line: _Line = self._local.line
        return line

    def _ask(self, questions: Sequence[Question]) -> list[Any]:
        line = self._line()
        first_id = line.next_id
        line.next_id += len(questions)
        bodies = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(questions, first_id)
        ]
        # Some nodes take no lists, so a single question goes by itself.
        content = self._post(line.connection, orjson.dumps(bodies if len(bodies) > 1 else bodies[0]))
        try:
            answers = orjson.loads(content)
            if isinstance(answers, dict):
                if "error" in answers and answers.get("id") in (None, first_id):
                    raise _refusal(answers["error"])
                answers = [answers]
            by_id = {answer["id"]: answer for answer in answers}
            return [_result(by_id[body["id"]]) for body in bodies]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ChainError(ChainReason.BAD_ANSWER, f"{self.url} does not answer what was asked: {error!r}") from error

    def _post(self, connection: http.client.HTTPConnection, body: bytes) -> bytes:
        """The content of the answer. A connection that the node had closed meanwhile is opened anew, once."""
        is_fresh = connection.sock is None
        try:
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read(ANSWER_BYTES_MAX + 1)
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            if isinstance(error, (ConnectionError, http.client.BadStatusLine)) and not is_fresh:
                return self._post(connection, body)
            raise ChainError(ChainReason.UNREACHABLE, f"{self.url} does not answer: {error or error!r}") from error
        if response.status != http.client.OK or len(content) > ANSWER_BYTES_MAX:
            connection.close()
            reason = f"{self.url} answers with status {response.status} and {len(content)} bytes"
            raise ChainError(ChainReason.UNREACHABLE, reason)
        return content


def _result(answer: dict[str, Any]) -> Any:
    if answer.get("error") is not None:
        raise _refusal(answer["error"])
    return answer["result"]


def _refusal(error: object) -> ChainError:
    """A JSON-RPC error as ours; that of a contract in the contract's words."""
    fields = error if isinstance(error, dict) else {}
    message = str(fields.get("message", error))
    reason = next((r for r, words in _REASONS if any(word in message.lower() for word in words)), None)
    if reason is ChainReason.REVERTED and isinstance(fields.get("data"), str):
        message = refusal_in_words(fields["data"])
    if reason is None and fields.get("code") == -32005:
        reason = ChainReason.TOO_MUCH
    return ChainError(reason or ChainReason.BAD_ANSWER, message)
