"""The one place that imports web3: JSON-RPC questions to a chain's node over HTTP, and what came back.

web3's provider asks; what it leaves open is settled here. An answer counts only if it carries the id of its question,
so that one that comes late, twice or out of order never passes for another's. Nothing is retried, an answer's size is
bounded, and every failure is a ChainError with a reason. https://www.jsonrpc.org/specification
"""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from ledger.abi import refusal_in_words
from ledger.errors import ChainError, ChainReason

if TYPE_CHECKING:
    from requests import Response, Session
    from web3 import HTTPProvider

Question = tuple[str, Sequence[Any]]
"""A method and its parameters."""

Watcher = Callable[[str, float, tuple[ChainReason, ...]], None]
"""Told of each request to a node: its first method, its seconds, and why it failed or which questions were refused."""

QUESTIONS_MAX = 200
"""Questions in one HTTP request: public nodes take 100 to 1,000."""
ANSWER_BYTES_MAX = 64 * 2**20
CHUNK_BYTES = 2**16

_REASONS = (
    (ChainReason.NONCE_TOO_LOW, ("nonce too low", "nonce is too low", "oldnonce")),
    (ChainReason.ALREADY_KNOWN, ("already known", "already imported", "known transaction", "already exists")),
    (ChainReason.UNDERPRICED, ("underpriced", "less than block base fee", "fee too low", "gas price too low")),
    (ChainReason.INSUFFICIENT_FUNDS, ("insufficient funds", "insufficient balance")),
    (ChainReason.TOO_MUCH, ("block range", "too many", "limit exceeded", "more than", "response size", "too large")),
    (ChainReason.REVERTED, ("revert",)),
)
"""JSON-RPC has no codes for these: what geth, Erigon, Nethermind, Besu, Reth and Anvil say, in lower case."""

_web3_lock = threading.Lock()
_watchers: list[Watcher] = []


def watch(watcher: Watcher) -> None:
    """From now on the watcher is told of every request of this process, in the thread that makes it."""
    _watchers.append(watcher)


class Rpc:
    """A node by its address. Threads may share one: each has a connection of its own."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        if not _is_http(url):
            raise ChainError(ChainReason.UNREACHABLE, f"{url!r} is no http:// or https:// address of a chain's node")
        self.url, self.name = url, shown(url)
        self._timeout_s = timeout_s
        self._local = threading.local()

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """The results in the order of the questions. Raises ChainError if one is refused, or none comes."""
        return granted(self.ask_each(questions))

    def ask_each(self, questions: Sequence[Question]) -> list[Any]:
        """As `ask`, but where the node refuses a question the ChainError stands in its place."""
        results: list[Any] = []
        for start in range(0, len(questions), QUESTIONS_MAX):
            results += self._ask(questions[start : start + QUESTIONS_MAX])
        return results

    def close(self) -> None:
        """Ends this thread's connection. The next question opens another."""
        self._line().session.close()

    def _line(self) -> _Line:
        if not hasattr(self._local, "line"):
            self._local.line = _Line(self.url, self._timeout_s)
        line: _Line = self._local.line
        return line

    def _ask(self, questions: Sequence[Question]) -> list[Any]:
        begun_s = time.perf_counter()
        reasons: tuple[ChainReason, ...] = ()
        try:
            results = self._exchange(questions)
            reasons = tuple(result.reason for result in results if isinstance(result, ChainError))
        except ChainError as error:
            reasons = (error.reason,)
            raise
        finally:
            for watcher in _watchers:
                watcher(questions[0][0], time.perf_counter() - begun_s, reasons)
        return results

    def _exchange(self, questions: Sequence[Question]) -> list[Any]:
        provider, asked = self._line().provider, list[Any](questions)
        # The provider numbers questions one by one, and believes an answer with any number.
        first_id = next(provider.request_counter) + 1
        try:
            # Some nodes take no lists, so a single question goes by itself.
            found: Any = provider.make_request(*asked[0]) if len(asked) == 1 else provider.make_batch_request(asked)
            return _results(found, range(first_id, first_id + len(asked)))
        except OSError as error:
            raise ChainError(ChainReason.UNREACHABLE, f"{self.name} does not answer: {_origin(error)}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            detail = f"{self.name} does not answer what was asked: {error!r:.200}"
            raise ChainError(ChainReason.BAD_ANSWER, detail) from error


def shown(url: str) -> str:
    """A node's address as it may be logged: host and port. What stands before or behind them may be a secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" + ("/…" if parts.path.strip("/") or parts.query else "")


def granted(results: list[Any]) -> list[Any]:
    """The same results. Raises the first ChainError among them."""
    refusal = next((result for result in results if isinstance(result, ChainError)), None)
    if refusal is not None:
        raise refusal
    return results


class _Line:
    """One thread's way to the node: web3's provider, and a connection, closed when nobody holds it any more."""

    def __init__(self, url: str, timeout_s: float) -> None:
        session, provider = _web3()
        self.session = session()
        # Neither a proxy nor a password that the environment happens to name: the node is where its address says.
        self.session.trust_env = False
        self.session.hooks["response"] = [_bounded]
        self.provider = provider(url, {"timeout": timeout_s}, session=self.session, exception_retry_configuration=None)
        # Bounded in depth, and strict; json.loads is neither, and an error of it quotes the whole answer.
        self.provider.decode_rpc_response = orjson.loads  # type: ignore[method-assign,assignment]

    def __del__(self) -> None:
        self.session.close()


def _web3() -> tuple[type[Session], type[HTTPProvider]]:
    """web3's provider, and the session that it works with. Not imported above, for it takes a second."""
    with _web3_lock:
        recursion_limit = sys.getrecursionlimit()
        from requests import Session  # noqa: PLC0415 - most who import this file, or its importers, ask no chain
        from web3 import HTTPProvider  # noqa: PLC0415

        # web3 imports py_ecc, which raises it to 100,000: what is nested deeply would then end the process.
        sys.setrecursionlimit(recursion_limit)
    return Session, HTTPProvider


def _bounded(response: Response, **_: object) -> Response:
    """The response with its content, of bounded size. Raises OSError where it is larger, or no success."""
    content = bytearray()
    try:
        if response.status_code != HTTPStatus.OK:
            raise OSError(f"status {response.status_code}")
        for chunk in response.iter_content(CHUNK_BYTES):
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise OSError(f"more than {ANSWER_BYTES_MAX} bytes")
    finally:
        response.close()
    read = type(response)()
    read.status_code, read.raw = response.status_code, io.BytesIO(content)
    return read


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _origin(error: BaseException) -> BaseException:
    """The error at the bottom: those above it repeat the address, which may hold a password."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _results(found: Any, ids: range) -> list[Any]:
    """The result of each question, or its refusal. Raises ChainError, or KeyError and the like where one is missing."""
    if isinstance(found, dict):
        if found.get("error") is not None and found.get("id") in (None, ids[0]):
            return [_refusal(found["error"])] * len(ids)
        found = [found]
    by_id = {answer["id"]: answer for answer in found}
    return [_result(by_id[number]) for number in ids]


def _result(answer: dict[str, Any]) -> Any:
    return _refusal(answer["error"]) if answer.get("error") is not None else answer["result"]


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
